#![no_main]
//! Whatever the bytes, a message between page and worker is read or refused; and what was read is written and read as
//! the same.

use fewbit_experiment::protocol::{Event, Request, VERSION};
use fewbit_experiment::wire;
use libfuzzer_sys::fuzz_target;
use serde::{Serialize, de::DeserializeOwned};

fuzz_target!(|bytes: &[u8]| {
    let mut message = vec![VERSION];
    message.extend_from_slice(bytes);
    check::<Request>(&message);
    check::<Event>(&message);
});

fn check<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    let Ok(message) = wire::decode::<T>(bytes) else { return };
    let written = wire::encode(&message).expect("what was read is written");
    let again = wire::decode::<T>(&written).expect("what was written is read");
    // Not by their values: a NaN is like no other.
    assert_eq!(wire::encode(&again).expect("it was written before"), written);
}
