//! Messages as bytes.

use fewbit_experiment::protocol::{Event, Focus, Request, Stage, VERSION};
use fewbit_experiment::{Failure, failure::Code, wire};
use fewbit_quant::Recipe;

#[test]
fn what_is_encoded_decodes_to_itself() {
    let focus = Focus { layer: 1, channel: Some(2), bins: 32 };
    let learned = Recipe { pipeline: "adaround,bias-correct".parse().unwrap(), ..Recipe::default() };
    let requests = [
        Request::Update { revision: 9, recipe: Recipe::default(), focus },
        Request::Run { revision: 9, id: 3, recipe: learned, focus },
        Request::Stop { revision: 9, keep: true },
        Request::Predict { id: 1, values: vec![0.5, -0.0, f32::MAX] },
        Request::Cancel,
    ];
    for request in requests {
        let bytes = wire::encode(&request).unwrap();
        assert_eq!(wire::decode::<Request>(&bytes).unwrap(), request);
    }
    let events = [
        Event::Progress { stage: Stage::Sweep, done: 1, total: 4 },
        Event::Failed(Failure::new(Code::BadLink, "no").at("character 1").hint("copy it again")),
    ];
    for event in events {
        assert_eq!(wire::decode::<Event>(&wire::encode(&event).unwrap()).unwrap(), event);
    }
}

#[test]
fn damaged_messages_are_errors() {
    let focus = Focus { layer: 0, channel: None, bins: 8 };
    let bytes = wire::encode(&Request::Update { revision: 3, recipe: Recipe::default(), focus }).unwrap();
    for len in 0..bytes.len() {
        assert!(wire::decode::<Request>(&bytes[..len]).is_err(), "cut at {len}");
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            // It may be another message; it may not be a panic.
            wire::decode::<Request>(&damaged).ok();
        }
    }
}

#[test]
fn another_version_is_told_with_both_numbers() {
    let mut bytes = wire::encode(&Request::Cancel).unwrap();
    bytes[0] = VERSION + 1;
    let failure = wire::decode::<Request>(&bytes).unwrap_err();
    assert!(failure.message.contains(&format!("{} and {VERSION}", VERSION + 1)), "{failure}");
    assert!(!failure.hints.is_empty());
}
