use wattle_protocol::{ContextId, Position, StoreId};

use crate::conformance::{Open, conformance};
use crate::testing::{CONTEXT, DOCUMENT, append, chain, known};
use crate::{MemoryStore, Store, StoreError};

fn full() -> StoreError {
    StoreError::Full { path: "memory".into() }
}

#[test]
fn memory_keeps_the_contract() {
    let mut make = || -> Open {
        let storage = MemoryStore::new(StoreId([1; 16]));
        Box::new(move || Box::new(storage.clone()))
    };
    conformance(&mut make).unwrap();
}

#[test]
fn a_fault_fails_one_write_of_any_handle_and_no_reading() {
    let storage = MemoryStore::new(StoreId([1; 16]));
    let mut store = storage.clone();
    storage.fail_next(full());
    assert_eq!(store.last(), Ok(Position(0)));
    assert_eq!(store.append(&[append(chain(1, 1))]), Err(full()));
    assert_eq!(store.last(), Ok(Position(0)));
    assert_eq!(store.append(&[append(chain(1, 1))]), Ok(vec![vec![Position(1)]]));
}

#[test]
fn an_outage_lasts_until_it_is_ended() {
    let storage = MemoryStore::new(StoreId([1; 16]));
    let mut store = storage.clone();
    storage.fail_all(Some(full()));
    for _ in 0..3 {
        assert_eq!(store.append(&[append(chain(1, 1))]), Err(full()));
        assert_eq!(store.remember(&StoreId([2; 16]), &CONTEXT, &[known(1)]), Err(full()));
    }
    storage.fail_all(None);
    assert_eq!(store.append(&[append(chain(1, 1))]), Ok(vec![vec![Position(1)]]));
}

#[test]
fn a_crash_forgets_what_was_remembered_since_the_last_commit_and_nothing_else() {
    let storage = MemoryStore::new(StoreId([1; 16]));
    let mut store = storage.clone();
    let remote = StoreId([2; 16]);
    store.remember(&remote, &CONTEXT, &[known(1)]).unwrap();
    store.append(&[append(chain(1, 2))]).unwrap();
    store.remember(&remote, &CONTEXT, &[known(2)]).unwrap();
    store.remember(&remote, &CONTEXT, &[known(3)]).unwrap();
    store.remember(&remote, &ContextId([1; 32]), &[known(3)]).unwrap();
    storage.crash();
    assert_eq!(store.remote(&remote, &CONTEXT), Ok(vec![known(1)]));
    assert_eq!(store.remote(&remote, &ContextId([1; 32])), Ok(vec![]));
    assert_eq!(store.graph(&CONTEXT, &DOCUMENT).unwrap().len(), 2);
}
