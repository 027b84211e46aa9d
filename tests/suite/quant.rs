//! Quantization: range setting against its references, layers and views by hand, networks on the CPU engine.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

#[path = "quant/gallery.rs"]
mod gallery;
#[path = "quant/golden.rs"]
mod golden;
#[path = "quant/layers.rs"]
mod layers;
#[path = "quant/methods_correct.rs"]
mod methods_correct;
#[path = "quant/methods_equalize.rs"]
mod methods_equalize;
#[path = "quant/methods_figures.rs"]
mod methods_figures;
#[path = "quant/methods_reconstruct.rs"]
mod methods_reconstruct;
#[path = "quant/methods_round.rs"]
mod methods_round;
#[path = "quant/methods_train.rs"]
mod methods_train;
#[path = "quant/nets.rs"]
mod nets;
#[path = "quant/networks.rs"]
mod networks;
#[path = "quant/ranges.rs"]
mod ranges;
