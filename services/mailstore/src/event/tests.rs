//! What is written reads back, and whatever reads was written so.

use super::*;
use crate::flags::Keyword;
use proptest::prelude::*;

fn uids() -> impl Strategy<Value = UidSet> {
    let one = (1u32.., 0u32..50);
    proptest::collection::vec(one, 0..6).prop_map(|runs| {
        let mut set = UidSet::new();
        for (first, more) in runs {
            set.insert_run(Uid::new(first).unwrap(), Uid::new(first.saturating_add(more)).unwrap());
        }
        set
    })
}

fn flags() -> impl Strategy<Value = Flags> {
    (0u8..32, proptest::collection::btree_set("[a-z$]{1,9}", 0..4)).prop_map(|(bits, keywords)| {
        let keywords = keywords.iter().map(|text| Keyword::new(text).unwrap()).collect();
        Flags { keywords, ..Flags::from_bits(bits).unwrap() }
    })
}

fn mailbox() -> impl Strategy<Value = MailboxId> {
    (0..=i64::MAX as u64).prop_map(MailboxId)
}

fn name() -> impl Strategy<Value = MailboxName> {
    "[a-zäß ]{1,9}(/[a-z]{1,4}){0,3}".prop_map(|text| MailboxName::new(&text).unwrap())
}

fn modseq() -> impl Strategy<Value = ModSeq> {
    (1..=i64::MAX as u64).prop_map(|number| ModSeq::new(number).unwrap())
}

fn new_mailbox() -> impl Strategy<Value = NewMailbox> {
    (mailbox(), name(), proptest::option::of(0usize..6), 1u32..).prop_map(|(id, name, use_, validity)| {
        NewMailbox {
            id,
            name,
            special_use: use_.map(|which| SpecialUse::ALL[which]),
            uid_validity: UidValidity::new(validity).unwrap(),
        }
    })
}

fn added() -> impl Strategy<Value = Event> {
    let numbers = (mailbox(), 1u32.., modseq(), any::<i64>(), 0u64..300, any::<u32>());
    (numbers, flags(), proptest::option::of(any::<[u8; 32]>()), any::<bool>()).prop_map(
        |(numbers, flags, key, has_content)| {
            let (mailbox, uid, modseq, received, octets, checksum) = numbers;
            let (uid, key) = (Uid::new(uid).unwrap(), key.map(DeliveryKey));
            Event::Added(Added { mailbox, uid, modseq, flags, received, key, octets, checksum, has_content })
        },
    )
}

fn transfer() -> impl Strategy<Value = Transfer> {
    (mailbox(), mailbox(), uids(), modseq()).prop_map(|(from, to, uids, modseq)| {
        let to_uids = (1..=uids.len() as u32).filter_map(Uid::new).collect();
        Transfer { from, to, uids, to_uids, modseq }
    })
}

fn event() -> impl Strategy<Value = Event> {
    let account = || (0..=i64::MAX as u64).prop_map(AccountId);
    prop_oneof![
        (account(), "[a-z@]{1,20}", proptest::collection::vec(new_mailbox(), 0..4)).prop_map(
            |(account, name, mailboxes)| {
                Event::AccountCreated { account, name: AccountName::new(&name).unwrap(), mailboxes }
            }
        ),
        (account(), new_mailbox()).prop_map(|(account, mailbox)| Event::MailboxCreated { account, mailbox }),
        mailbox().prop_map(|mailbox| Event::MailboxDeleted { mailbox }),
        proptest::collection::vec((mailbox(), name()), 0..4)
            .prop_map(|names| Event::MailboxesRenamed { names }),
        (account(), name(), any::<bool>()).prop_map(|(account, name, is_subscribed)| Event::Subscribed {
            account,
            name,
            is_subscribed
        }),
        added(),
        transfer().prop_map(Event::Copied),
        (transfer(), modseq()).prop_map(|(transfer, from_modseq)| Event::Moved { transfer, from_modseq }),
        (mailbox(), modseq(), proptest::collection::vec((flags(), uids()), 0..4))
            .prop_map(|(mailbox, modseq, changes)| Event::FlagsChanged { mailbox, modseq, changes }),
        (mailbox(), modseq(), uids()).prop_map(|(mailbox, modseq, uids)| Event::Expunged {
            mailbox,
            modseq,
            uids
        }),
        (account(), proptest::option::of(0..=i64::MAX as u64))
            .prop_map(|(account, limit)| Event::QuotaSet { account, limit }),
    ]
}

fn body(event: &Event) -> Vec<u8> {
    let mut body = event.encode();
    if let Event::Added(Added { has_content: true, octets, .. }) = event {
        body.extend(std::iter::repeat_n(b'x', *octets as usize));
    }
    body
}

proptest! {
    #[test]
    fn an_event_reads_back(event in event()) {
        let body = body(&event);
        let decoded = Event::decode(event.kind(), &body).unwrap();
        prop_assert_eq!(&decoded.event, &event);
        let content = decoded.content_at.map(|at| body.len() - at);
        prop_assert_eq!(content.is_some(), event.kind() == 6);
        for end in 0..body.len() {
            prop_assert!(Event::decode(event.kind(), &body[..end]).is_err(), "cut at {}", end);
        }
    }

    #[test]
    fn whatever_reads_is_written_like_that(kind in 0u32..14, octets in proptest::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(decoded) = Event::decode(kind, &octets) {
            let fields = &octets[..decoded.content_at.unwrap_or(octets.len())];
            prop_assert_eq!(decoded.event.kind(), kind);
            prop_assert_eq!(decoded.event.encode(), fields);
        }
    }

    #[test]
    fn an_event_with_a_changed_octet_is_another_or_none(event in event(), at: usize, with in 1u8..) {
        let mut body = body(&event);
        let at = at % body.len();
        body[at] ^= with;
        if let Ok(decoded) = Event::decode(event.kind(), &body) {
            let fields = decoded.content_at.unwrap_or(body.len());
            prop_assert_eq!(decoded.event.encode(), &body[..fields]);
        }
    }
}
