//! Which types may be sent to and shared with other threads.

use manyhands_async::{AsyncPool, BuildError, Statistics};

const fn sent_and_shared<T: Send + Sync>() {}

const _: () = {
    sent_and_shared::<AsyncPool>();
    sent_and_shared::<BuildError>();
    sent_and_shared::<Statistics>();
};

#[test]
fn a_pool_without_room_is_an_error() {
    let error = AsyncPool::new(0).unwrap_err();
    assert!(error.to_string().contains("at least 1 task"), "{error}");
}
