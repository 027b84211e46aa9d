//! Algorithms at work, on the real weights: a timeline of pictures to walk through.

use std::sync::Arc;

use fewbit_quant::methods::Frame;
use leptos::prelude::*;

use columns::Columns;
use rounding::Rounding;
use training::Training;

use crate::i18n::words;
use crate::platform::page;
use crate::state::{Desk, Shot};

pub mod columns;
pub mod curves;
pub mod rounding;
pub mod training;

/// Between two pictures of slow motion, in milliseconds.
const SLOW_MILLIS: u32 = 140;

/// What belongs together: the work of one step of the pipeline on one layer or block.
#[derive(Clone, Debug, PartialEq)]
struct Scene {
    step: u32,
    place: String,
    /// Its pictures among all.
    first: usize,
    count: usize,
}

fn scenes(shots: &[Shot]) -> Vec<Scene> {
    let mut scenes: Vec<Scene> = Vec::new();
    for (i, shot) in shots.iter().enumerate() {
        match scenes.last_mut() {
            Some(scene) if scene.step == shot.step && scene.place == shot.place => scene.count += 1,
            _ => scenes.push(Scene { step: shot.step, place: shot.place.clone(), first: i, count: 1 }),
        }
    }
    scenes
}

/// The pictures of a scene up to the one that is looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reel {
    frames: Vec<Arc<Frame>>,
    at: usize,
}

impl Reel {
    fn now(&self) -> Option<&Frame> {
        self.frames.get(self.at).map(Arc::as_ref)
    }
}

/// The panel.
#[component]
pub fn Cinema() -> impl IntoView {
    let desk = Desk::here();
    let shots = desk.results.learning.shots;
    // Without a choice the newest is looked at.
    let scene = RwSignal::new(None::<usize>);
    let place = RwSignal::new(None::<usize>);
    let playing = RwSignal::new(false);
    let all = Memo::new(move |_| shots.with(|shots| scenes(shots)));
    let now = Memo::new(move |_| {
        let all = all.get();
        let at = scene.get().unwrap_or(usize::MAX).min(all.len().checked_sub(1)?);
        all.into_iter().nth(at)
    });
    let at = Memo::new(move |_| {
        now.get().map_or(0, |now| place.get().unwrap_or(usize::MAX).min(now.count.saturating_sub(1)))
    });
    let film = Memo::new(move |_| {
        let Some(now) = now.get() else { return Reel::default() };
        let frames = shots.with(|shots| {
            let shots = shots.iter().skip(now.first).take(now.count);
            shots.map(|shot| Arc::clone(&shot.frame)).collect()
        });
        Reel { frames, at: at.get() }
    });
    let pick_scene = move |event| {
        // The last one is the newest, and stays so while more come in.
        let last = all.with_untracked(Vec::len).saturating_sub(1);
        let picked: Option<usize> = event_target_value(&event).parse().ok();
        scene.set(picked.filter(|&at| at != last));
        place.set(None);
    };
    let is_shown =
        move |i: usize| scene.get().unwrap_or(usize::MAX).min(all.with(Vec::len).saturating_sub(1)) == i;
    let scrub = move |event| {
        playing.set(false);
        let at: Option<usize> = event_target_value(&event).parse().ok();
        let last = now.get_untracked().map(|now| now.count.saturating_sub(1));
        place.set(at.filter(|at| Some(*at) != last));
    };
    let play = move |_| {
        if playing.get_untracked() {
            playing.set(false);
        } else {
            playing.set(true);
            place.set(Some(0));
            tick(playing, place, now);
        }
    };
    let kind = Memo::new(move |_| {
        film.with(|film| {
            Some(match film.now()? {
                Frame::Rounding { .. } => 0,
                Frame::Columns { .. } => 1,
                Frame::Training { .. } => 2,
            })
        })
    });
    view! {
        <section class="panel cinema" aria-label=move || words().learn.cinema>
            <div class="head">
                <h2>{move || words().learn.cinema}</h2>
                <span class="grow"></span>
                <Show when=move || all.with(|all| all.len().ge(&2))>
                    <select class="chip" aria-label=move || words().learn.layer on:change=pick_scene>
                        {move || all.get().into_iter().enumerate().map(|(i, one)| view! {
                            <option value=i.to_string() selected=move || is_shown(i)>{format!("{}. {}", one.step + 1, one.place)}</option>
                        }).collect_view()}
                    </select>
                </Show>
            </div>
            <div class="body">
                <Show when=move || kind.get().is_none()>
                    <p class="muted">{move || words().learn.cinema_nothing}</p>
                </Show>
                <Show when=move || kind.get().is_some()>
                    <div class="row timeline">
                        <button class="chip" aria-pressed=move || playing.get().to_string() on:click=play>
                            {move || if playing.get() { words().learn.still } else { words().learn.play }}
                        </button>
                        <input
                            type="range"
                            aria-label=move || words().learn.timeline
                            min="0"
                            max=move || now.get().map_or(0, |now| now.count.saturating_sub(1))
                            prop:value=move || at.get().to_string()
                            on:input=scrub
                        />
                        <span class="num muted">{move || format!("{}/{}", at.get() + 1, now.get().map_or(0, |now| now.count))}</span>
                    </div>
                </Show>
                {move || match kind.get() {
                    Some(0) => view! { <Rounding film /> }.into_any(),
                    Some(1) => view! { <Columns film /> }.into_any(),
                    Some(_) => view! { <Training film /> }.into_any(),
                    None => ().into_any(),
                }}
            </div>
        </section>
    }
}

/// Shows the next picture after a while, until the last.
fn tick(playing: RwSignal<bool>, place: RwSignal<Option<usize>>, now: Memo<Option<Scene>>) {
    page::after(SLOW_MILLIS, move || {
        let Some(Some(now_scene)) = now.try_get_untracked() else { return };
        if !playing.get_untracked() {
            return;
        }
        let next = place.get_untracked().map_or(now_scene.count, |at| at + 1);
        if next + 1 >= now_scene.count {
            place.set(None);
            playing.set(false);
        } else {
            place.set(Some(next));
            tick(playing, place, now);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_one_place_are_one_scene() {
        let frame = Arc::new(Frame::Training {
            step: 1,
            of: 1,
            loss: 0.0,
            rate: 0.0,
            weight_scales: vec![],
            input_scales: vec![],
            oscillating: vec![],
            latent: vec![],
        });
        let shot = |step, place: &str| Shot { step, place: place.to_owned(), frame: Arc::clone(&frame) };
        let all = scenes(&[shot(0, "a"), shot(0, "a"), shot(0, "b"), shot(1, "b")]);
        let counts: Vec<_> = all.iter().map(|scene| (scene.first, scene.count)).collect();
        assert_eq!(counts, [(0, 2), (2, 1), (3, 1)]);
    }
}
