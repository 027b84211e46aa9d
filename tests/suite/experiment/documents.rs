//! Commands, undo and redo.

use fewbit_experiment::{Command, Document, History, ModelRef, Part, View};
use fewbit_numeric::Format;
use fewbit_quant::{Choice, Recipe};
use fewbit_tests::rng::Rng;

pub(crate) fn choice(text: &str) -> Choice {
    text.parse().unwrap()
}

fn set(pattern: &str, part: Part, text: &str) -> Command {
    Command::Set { pattern: pattern.to_owned(), part, choice: choice(text) }
}

fn after(commands: &[Command]) -> Document {
    commands.iter().fold(Document::default(), |document, command| document.apply(command))
}

#[test]
fn each_command_changes_what_it_names() {
    let document = after(&[
        set("conv1", Part::Weights, "int3@channel"),
        set("conv1", Part::Activations, "uint4"),
        Command::SetEdges(Some(Format::INT8)),
        Command::SetCalibration(64),
        Command::SetSeed(7),
        Command::SetPipeline("adaround,bias-correct".parse().unwrap()),
        Command::Look(View { layer: 2, channel: Some(1), log_counts: true }),
    ]);
    let recipe = &document.recipe;
    let [rule] = recipe.rules.as_slice() else { panic!("one rule for one layer: {:?}", recipe.rules) };
    assert_eq!((rule.weights, rule.activations), (Some(choice("int3@channel")), Some(choice("uint4"))));
    assert_eq!((recipe.edges, recipe.calibration_samples, recipe.seed), (Some(Format::INT8), 64, 7));
    assert_eq!(recipe.pipeline.to_string(), "adaround,bias-correct");
    assert_eq!(document.view.layer, 2);

    let kept = document.apply(&Command::ResetLayer("conv1".to_owned()));
    assert!(kept.recipe.rules.is_empty());
    assert_eq!(document.apply(&Command::Reset).recipe, Recipe::default());
    assert_eq!(document.apply(&Command::Reset).view, document.view, "a reset does not look elsewhere");
    let other = ModelRef::Gallery("fashion-resnet".to_owned());
    assert_eq!(document.apply(&Command::Open(other.clone())), Document::of(other));
}

#[test]
fn the_later_of_two_settings_holds() {
    let layers = ["conv1", "conv2", "fc1"].map(str::to_owned);
    let widths = |commands: &[Command]| -> Vec<u8> {
        let choices = after(commands).recipe.resolve(&layers).unwrap();
        choices.iter().map(|choice| choice.weights.bits()).collect()
    };
    let (one, all) = (set("conv1", Part::Weights, "int2"), set("conv*", Part::Weights, "int5"));
    assert_eq!(widths(&[one.clone(), all.clone()]), [5, 5, 8]);
    assert_eq!(widths(&[all.clone(), one.clone()]), [2, 5, 8]);
    assert_eq!(widths(&[one, all, set("*", Part::Weights, "int6")]), [6, 6, 6]);
}

#[test]
fn a_setting_that_another_covers_leaves_no_rule() {
    let document = after(&[
        set("conv1", Part::Weights, "int2"),
        set("conv2", Part::Weights, "int3"),
        set("conv*", Part::Weights, "int5"),
    ]);
    assert_eq!(document.recipe.rules.len(), 1);
}

/// A random command.
fn any_command(rng: &mut Rng) -> Command {
    let layer = rng.pick(&["conv1", "conv2", "fc1", "fc2"]);
    let pattern = rng.pick(&[layer, "conv*", "*"]);
    let part = rng.pick(&[Part::Weights, Part::Activations]);
    match rng.between(0, 5) {
        0 => Command::SetSeed(rng.between(0, 1 << 20) as u64),
        1 => Command::SetCalibration(rng.between(1, 512) as u32),
        2 => Command::ResetLayer(layer.to_owned()),
        3 => Command::SetEdges(rng.pick(&[None, Some(Format::INT8)])),
        _ => set(pattern, part, rng.pick(&["float", "int4@channel", "uint8", "int3@group32:mse*0.9"])),
    }
}

#[test]
fn undoing_fifty_edits_gives_the_start_and_redoing_them_the_end() {
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let start = Document::default();
        let mut history = History::new(start.clone());
        for _ in 0..50 {
            history.dispatch(&any_command(&mut rng), None);
        }
        let end = history.now().clone();
        while history.can_undo() {
            history.undo();
        }
        assert_eq!(*history.now(), start);
        while history.can_redo() {
            history.redo();
        }
        assert_eq!(*history.now(), end);
    }
}

#[test]
fn a_gesture_is_one_step_back() {
    let mut history = History::default();
    let start = history.now().clone();
    for bits in (2..8).rev() {
        history.dispatch(&set("conv1", Part::Weights, &format!("int{bits}@channel")), Some(1));
    }
    let first = history.now().clone();
    history.dispatch(&set("conv1", Part::Weights, "int5"), Some(2));
    history.undo();
    assert_eq!(*history.now(), first, "another gesture is another step");
    history.undo();
    assert_eq!(*history.now(), start);
    assert!(!history.can_undo());
}

#[test]
fn looking_elsewhere_is_no_step_and_undo_does_not_look_back() {
    let mut history = History::default();
    let view = View { layer: 3, channel: None, log_counts: true };
    history.dispatch(&set("fc1", Part::Weights, "int4"), None);
    history.dispatch(&Command::Look(view.clone()), None);
    history.undo();
    assert!(!history.can_undo() && history.can_redo());
    assert_eq!(history.now().view, view);
    assert_eq!(history.now().recipe, Recipe::default());
}

#[test]
fn an_edit_after_undo_forgets_what_was_undone() {
    let mut history = History::default();
    history.dispatch(&Command::SetSeed(1), None);
    history.undo();
    history.dispatch(&Command::SetSeed(2), None);
    assert!(!history.can_redo());
}
