//! Links: there and back, short, and hard to fool.

use fewbit_experiment::failure::Code;
use fewbit_experiment::{Document, Expectation, ModelRef, Part, View, link};
use fewbit_quant::{Recipe, Rule};
use proptest::prelude::*;

use super::documents::choice;

/// The layers of `fashion-resnet`.
const LAYERS: [&str; 10] = [
    "stem",
    "stage1.conv1",
    "stage1.conv2",
    "stage2.conv1",
    "stage2.skip",
    "stage2.conv2",
    "stage3.conv1",
    "stage3.skip",
    "stage3.conv2",
    "head",
];

const PATTERNS: [&str; 5] = ["*", "stage*", "*.conv1", "stage2.*", "*a*"];

const CHOICES: [&str; 8] = [
    "float",
    "int8@channel",
    "uint8",
    "int4@channel:mse2.4",
    "int3@group32:mse*0.9",
    "uint6@tensor:percentile99.99",
    "int2@channel*0.123456",
    "uint8@tensor:ema0.95",
];

const PIPELINES: [&str; 4] = [
    "",
    "bias-correct",
    "adaround(iterations=500),bias-correct",
    "gptq,lsq(rate=0.001,steps=300),reestimate",
];

fn layers() -> Vec<String> {
    LAYERS.map(str::to_owned).to_vec()
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let patterns: Vec<&str> = LAYERS.into_iter().chain(PATTERNS).collect();
    let part = || proptest::option::of(proptest::sample::select(&CHOICES[..]).prop_map(choice));
    (proptest::sample::select(patterns), part(), part()).prop_map(|(pattern, weights, activations)| Rule {
        pattern: pattern.to_owned(),
        weights,
        activations,
    })
}

fn any_document() -> impl Strategy<Value = Document> {
    let model = prop_oneof![
        proptest::sample::select(&["fashion-lenet", "fashion-resnet"][..])
            .prop_map(|id| ModelRef::Gallery(id.to_owned())),
        ("[a-zé]{1,12}", "[0-9a-f]{64}").prop_map(|(name, id)| ModelRef::File { name, id }),
    ];
    let base = || proptest::sample::select(&CHOICES[..]).prop_map(choice);
    let edges = proptest::option::of(proptest::sample::select(&["int8", "int4", "uint6"][..]));
    let rules = proptest::collection::vec(any_rule(), 0..30);
    let pipeline = proptest::sample::select(&PIPELINES[..]).prop_map(|text| text.parse().unwrap());
    let recipe = (base(), base(), edges, rules, 1..2000u32, any::<u64>(), pipeline).prop_map(
        |(weights, activations, edges, rules, calibration_samples, seed, pipeline)| Recipe {
            weights,
            activations,
            edges: edges.map(|format| format.parse().unwrap()),
            rules,
            calibration_samples,
            seed,
            pipeline,
        },
    );
    let view = (0..20u32, proptest::option::of(0..64u32), any::<bool>())
        .prop_map(|(layer, channel, log_counts)| View { layer, channel, log_counts });
    let lengths = proptest::collection::btree_map("[a-z.0-9 é]{1,9}", 1..9999usize, 0..4);
    (model, lengths, recipe, view).prop_map(|(model, lengths, recipe, view)| Document {
        model,
        lengths,
        recipe,
        view,
    })
}

fn any_expectation() -> impl Strategy<Value = Option<Expectation>> {
    let layers = proptest::collection::vec(any::<u32>(), 0..12);
    let correct = proptest::option::of((0..10_000u32, 10_000..10_001u32));
    proptest::option::of((layers, correct).prop_map(|(layers, correct)| Expectation { layers, correct }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_link_means_what_was_written(document in any_document(), expectation in any_expectation()) {
        let fragment = link::write_with(&document, expectation.as_ref()).unwrap();
        prop_assert_eq!(&link::open(&fragment).unwrap().expectation, &expectation);
        let back = link::read(&format!("https://example.org/fewbit/?backend=cpu#{fragment}")).unwrap();
        prop_assert_eq!(&back.model, &document.model);
        prop_assert_eq!(&back.lengths, &document.lengths);
        prop_assert_eq!(&back.view, &document.view);
        let (before, after) = (&document.recipe, &back.recipe);
        prop_assert_eq!(before.resolve(&layers()).unwrap(), after.resolve(&layers()).unwrap());
        prop_assert_eq!((before.edges, before.seed), (after.edges, after.seed));
        prop_assert_eq!(before.calibration_samples, after.calibration_samples);
        prop_assert_eq!(&before.pipeline, &after.pipeline);
        // What was read is written the same.
        prop_assert_eq!(link::write_with(&back, expectation.as_ref()).unwrap(), fragment);
    }
}

/// A document of thirty settings that have little in common.
fn thirty() -> Document {
    let mut document = Document::of(ModelRef::Gallery("fashion-resnet".to_owned()));
    for (i, layer) in LAYERS.into_iter().enumerate() {
        for (part, format) in [(Part::Weights, "int"), (Part::Activations, "uint")] {
            let granularity = if format == "int" { "channel" } else { "tensor" };
            let range = ["", ":mse", ":percentile99.9"][i % 3];
            let text = format!("{format}{}@{granularity}{range}", 2 + (3 * i + granularity.len()) % 7);
            let command =
                fewbit_experiment::Command::Set { pattern: layer.to_owned(), part, choice: choice(&text) };
            document = document.apply(&command);
        }
    }
    for (i, pattern) in ["stage1.*", "*.conv2", "*.skip", "stage3.*", "*.conv1"].into_iter().enumerate() {
        let rule = Rule {
            pattern: pattern.to_owned(),
            weights: Some(choice(&format!("int{}@channel*0.9{i}", 3 + i))),
            activations: Some(choice(&format!("uint{}", 4 + i % 4))),
        };
        document.recipe.rules.push(rule);
    }
    document
}

#[test]
fn thirty_settings_are_fewer_than_500_characters() {
    let fragment = link::write(&thirty()).unwrap();
    assert!(fragment.len() < 500, "{} characters", fragment.len());
}

#[test]
fn so_are_they_with_a_pipeline_and_what_came_of_it() {
    let mut document = thirty();
    document.recipe.pipeline = "brecq(iterations=5000,rate=0.002),bias-correct".parse().unwrap();
    document.recipe.seed = 41;
    let layers = (1..=10u32).map(|i| i.wrapping_mul(0x9e37_79b9)).collect();
    let expectation = Expectation { layers, correct: Some((9123, 10_000)) };
    let fragment = link::write_with(&document, Some(&expectation)).unwrap();
    assert!(fragment.len() < 500, "{} characters", fragment.len());
}

#[test]
fn the_default_is_a_short_link() {
    let fragment = link::write(&Document::default()).unwrap();
    assert!(fragment.len() < 20, "{fragment}");
    assert_eq!(link::read(&fragment).unwrap(), Document::default());
}

fn assert_refused(text: &str) {
    let failure = link::read(text).expect_err(text);
    assert_eq!(failure.code, Code::BadLink);
    assert!(failure.place.is_some(), "no place: {failure}");
    assert!(!failure.hints.is_empty(), "no hint: {failure}");
}

#[test]
fn a_link_cut_short_is_refused_at_every_length() {
    let fragment = link::write(&thirty()).unwrap();
    for len in 0..fragment.len() {
        assert_refused(&fragment[..len]);
    }
}

#[test]
fn a_changed_character_is_refused_wherever_it_is() {
    let fragment = link::write(&thirty()).unwrap();
    for at in 0..fragment.len() {
        for other in ['A', 'b', '7', '_', '~', ' ', 'é'] {
            let mut characters: Vec<char> = fragment.chars().collect();
            if characters[at] == other {
                continue;
            }
            characters[at] = other;
            let text: String = characters.into_iter().collect();
            // The fragment's end may be blank: blanks around it are dropped.
            if text.trim() == text {
                assert_refused(&text);
            }
        }
    }
}

#[test]
fn oversized_and_foreign_links_are_refused() {
    assert_refused(&format!("v1.{}", "A".repeat(1 << 17)));
    assert_refused("");
    assert_refused("#");
    assert_refused("v2.eNo");
    assert_refused("https://example.org/");
    assert_refused("v1.");
}

#[test]
fn links_of_version_1_open_as_ever() {
    let lines = include_str!("../../golden/links.txt").lines().filter(|line| !line.starts_with('#'));
    let mut count = 0;
    for line in lines {
        let (text, document) = line.split_once('\t').unwrap();
        let document: Document = serde_json::from_str(document).unwrap();
        assert_eq!(link::read(text).unwrap(), document);
        count += 1;
    }
    assert!(count >= 5, "{count} links");
}
