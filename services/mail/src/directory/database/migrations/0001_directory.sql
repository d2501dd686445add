-- Domains, accounts, aliases, mailboxes and pairs. One text for SQLite and MariaDB: what stands in /*! */ is a comment to SQLite.
-- Every statement may run again, for MariaDB does not undo half a migration.

-- Machines that hold mailboxes, two by two.
CREATE TABLE IF NOT EXISTS pairs (
    name VARCHAR(63) NOT NULL,
    lmtp VARCHAR(255) NOT NULL,
    imap VARCHAR(255) NOT NULL,
    pop3 VARCHAR(255) NOT NULL,
    PRIMARY KEY (name)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */;

CREATE TABLE IF NOT EXISTS domains (
    name VARCHAR(255) NOT NULL,
    tag_separator VARCHAR(1),
    catch_all VARCHAR(254),
    PRIMARY KEY (name)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */;

-- Every address there is, by its form for lookups; so that no account and alias are one.
CREATE TABLE IF NOT EXISTS addresses (
    address VARCHAR(254) NOT NULL,
    domain VARCHAR(255) NOT NULL,
    -- account or alias
    kind VARCHAR(7) NOT NULL,
    PRIMARY KEY (address),
    FOREIGN KEY (domain) REFERENCES domains (name)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */;

CREATE INDEX IF NOT EXISTS addresses_by_domain ON addresses (domain, address);

CREATE TABLE IF NOT EXISTS accounts (
    name VARCHAR(254) NOT NULL,
    -- open or locked
    access VARCHAR(6) NOT NULL,
    -- A PHC string of argon2id.
    password_hash VARCHAR(255),
    -- RFC 5803.
    scram VARCHAR(255),
    -- 1: what is forwarded stays in the mailbox as well.
    keeps_copy INTEGER NOT NULL,
    PRIMARY KEY (name),
    FOREIGN KEY (name) REFERENCES addresses (address) ON DELETE CASCADE
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */;

CREATE TABLE IF NOT EXISTS mailboxes (
    account VARCHAR(254) NOT NULL,
    pair VARCHAR(63) NOT NULL,
    quota_octets BIGINT,
    PRIMARY KEY (account),
    FOREIGN KEY (account) REFERENCES accounts (name) ON DELETE CASCADE,
    FOREIGN KEY (pair) REFERENCES pairs (name)
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */;

CREATE INDEX IF NOT EXISTS mailboxes_by_pair ON mailboxes (pair, account);

-- Where mail to an alias goes, or where that to an account goes as well.
CREATE TABLE IF NOT EXISTS targets (
    address VARCHAR(254) NOT NULL,
    -- As it was written: other domains may know upper from lower case.
    target VARCHAR(254) NOT NULL,
    PRIMARY KEY (address, target),
    FOREIGN KEY (address) REFERENCES addresses (address) ON DELETE CASCADE
) /*! ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */;
