-- Derived from the journal by src/index/apply/, and from nothing else. A change here needs a new SCHEMA in src/index/mod.rs.

-- One row: which journal, and how much of it is in here.
CREATE TABLE volume (
  schema INTEGER NOT NULL,
  volume BLOB NOT NULL,
  next_id INTEGER NOT NULL,
  segment INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  next_sequence INTEGER NOT NULL
);

-- Where messages are read from: which file of a segment, and how much of its messages is still wanted.
CREATE TABLE segments (
  number INTEGER PRIMARY KEY,
  generation INTEGER NOT NULL,
  octets INTEGER NOT NULL,
  live_octets INTEGER NOT NULL
);

CREATE TABLE accounts (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  quota INTEGER,
  octets INTEGER NOT NULL DEFAULT 0,
  messages INTEGER NOT NULL DEFAULT 0,
  last_uid_validity INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE mailboxes (
  id INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  name TEXT NOT NULL,
  special_use TEXT,
  uid_validity INTEGER NOT NULL,
  uid_next INTEGER DEFAULT 1,
  modseq INTEGER NOT NULL DEFAULT 1,
  messages INTEGER NOT NULL DEFAULT 0,
  unseen INTEGER NOT NULL DEFAULT 0,
  octets INTEGER NOT NULL DEFAULT 0,
  UNIQUE (account, name)
);

CREATE TABLE subscriptions (
  account INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (account, name)
) WITHOUT ROWID;

-- `content` is the sequence of the record that has the octets.
CREATE TABLE messages (
  mailbox INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  keywords TEXT NOT NULL,
  received INTEGER NOT NULL,
  octets INTEGER NOT NULL,
  content INTEGER NOT NULL,
  PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
CREATE INDEX messages_by_modseq ON messages (mailbox, modseq);

-- `offset` lies in the segment's file; NULL after compaction dropped the octets.
CREATE TABLE contents (
  sequence INTEGER PRIMARY KEY,
  segment INTEGER NOT NULL,
  offset INTEGER,
  octets INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  uses INTEGER NOT NULL
);
CREATE INDEX contents_by_segment ON contents (segment);

CREATE TABLE vanished (
  mailbox INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  first_uid INTEGER NOT NULL,
  last_uid INTEGER NOT NULL,
  PRIMARY KEY (mailbox, modseq, first_uid)
) WITHOUT ROWID;

-- Keys of deliveries within the last seven days.
CREATE TABLE deliveries (
  account INTEGER NOT NULL,
  key BLOB NOT NULL,
  received INTEGER NOT NULL,
  uid_validity INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  PRIMARY KEY (account, key)
) WITHOUT ROWID;
CREATE INDEX deliveries_by_time ON deliveries (received);
