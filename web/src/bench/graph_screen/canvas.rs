//! The drawing, to look around in with pointer, wheel and keys. What is out of sight of a large graph is not there.

use leptos::ev::{KeyboardEvent, MouseEvent, PointerEvent, WheelEvent};
use leptos::html;
use leptos::prelude::*;

use super::board::Board;
use super::fold::Target;
use super::layout::Rect;
use super::markup::{self, ACTION, Action, Marks};
use super::values;
use crate::i18n::words;
use crate::platform::{page, pointer, size};

/// With no more boxes than this, all are there.
const MOST_WHOLE: usize = 150;
/// How far an arrow key moves the view, in pixels.
const STEP: f64 = 64.0;
/// How much a key or button enlarges.
pub const ZOOM: f64 = 1.25;
/// How much a pixel of the wheel enlarges, as an exponent.
const WHEEL: f64 = 0.0015;
/// Pixels of a line, where a wheel counts lines.
const LINE: f64 = 20.0;
/// How far a pointer that clicks may move.
const SLACK: f64 = 4.0;
/// The id of the search field.
pub const SEARCH: &str = "graph-search";

/// The places of those in sight of `window`; all of a small graph.
fn in_sight(all: impl ExactSizeIterator<Item = Rect>, window: &Rect, count: usize) -> Vec<u32> {
    let seen = all.enumerate().filter(|(_, rect)| count <= MOST_WHOLE || rect.meets(window));
    seen.map(|(at, _)| at as u32).collect()
}

/// The drawing.
#[component]
pub fn Canvas(
    /// The board.
    board: Board,
) -> impl IntoView {
    let Board { drawn, camera, view, .. } = board;
    let node = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        if let Some(div) = node.get() {
            size::observe(&div, move |width, height| view.set(crate::chart::Size { width, height }));
        }
    });
    let transform = move || {
        let camera = camera.get();
        format!("translate({:.2}px,{:.2}px) scale({:.4})", camera.left, camera.top, camera.scale)
    };
    let drag = Drag::new(board);
    let on_wheel = move |event: WheelEvent| {
        event.prevent_default();
        let delta = event.delta_y() * if event.delta_mode() == 0 { 1.0 } else { LINE };
        let (x, y) = pointer::place(&event);
        board.jump(camera.get_untracked().zoomed((-WHEEL * delta).exp(), x, y));
    };
    let on_focus = move |_| {
        if board.cursor.get_untracked().is_none() {
            let first = drawn.get_untracked().folded.items.first().map(|item| item.target);
            board.cursor.set(board.chosen.get_untracked().or(first));
        }
    };
    let class = move || {
        let far = if camera.get().is_readable() { "" } else { " far" };
        let glides = if board.glides.get() { " glides" } else { "" };
        format!("sheet{far}{glides}")
    };
    let content = content(board);
    view! {
        <div
            class=class
            node_ref=node
            tabindex="0"
            role="tree"
            aria-label=move || words().graph.canvas
            aria-describedby="graph-keys"
            aria-activedescendant=move || board.cursor_box().map(markup::id)
            on:pointerdown=move |event| drag.down(&event)
            on:pointermove=move |event| drag.go(&event)
            on:pointerup=move |event| drag.up(&event)
            on:pointercancel=move |event| drag.up(&event)
            on:wheel=on_wheel
            on:click=move |event| on_click(board, &event)
            on:focus=on_focus
            on:keydown=move |event| on_key(board, &event)
        >
            <svg role="presentation">
                <marker id="graph-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto-start-reverse">
                    <path d="M0,0.5L8,4L0,7.5z" />
                </marker>
                <g class="world" style:transform=transform inner_html=content></g>
            </svg>
        </div>
    }
}

/// What is in sight, as markup.
fn content(board: Board) -> Memo<String> {
    let window = Memo::new(move |_| board.camera.get().window(board.view.get()));
    Memo::new(move |_| {
        let (scene, drawn, colours) = (board.scene.get(), board.drawn.get(), board.colours.get());
        let count = drawn.folded.items.len();
        let window = window.get();
        let boxes = in_sight(drawn.layout.boxes.iter().copied(), &window, count);
        let edges = in_sight(drawn.layout.routes.iter().map(|route| route.bounds()), &window, count);
        let item_of = |&node: &u32| drawn.folded.item_of.get(node as usize).copied();
        let is_own = |item: &u32| {
            drawn.folded.items.get(*item as usize).is_some_and(|item| matches!(item.target, Target::Node(_)))
        };
        let marks = Marks {
            tints: &colours.tints,
            stale: colours.stale,
            chosen: board.chosen_box(),
            cursor: board.cursor_box(),
            hits: board.hits.get().iter().filter_map(item_of).collect(),
            stuck: scene.stuck.iter().filter_map(item_of).collect(),
            layers: scene.layers.iter().filter_map(item_of).filter(is_own).collect(),
        };
        markup::write(&drawn, &boxes, &edges, &marks, &|item| values::of_item(board, item))
    })
}

fn on_click(board: Board, event: &MouseEvent) {
    match pointer::marked(event, ACTION).as_deref().and_then(Action::read) {
        Some(Action::Choose(item)) => {
            let target = board.drawn.get_untracked().folded.items.get(item as usize).map(|item| item.target);
            match target {
                Some(Target::Group(group)) if event.detail() > 1 => board.set_open(group, true),
                Some(target) => board.choose(target),
                None => {}
            }
        }
        Some(Action::Open(group)) => board.set_open(group, true),
        Some(Action::Close(group)) => board.set_open(group, false),
        None => {}
    }
}

/// Pointers that are down: one moves the drawing, two enlarge it.
#[derive(Clone, Copy)]
struct Drag {
    board: Board,
    down: StoredValue<Vec<(i32, f64, f64)>>,
    is_drag: StoredValue<bool>,
}

impl Drag {
    fn new(board: Board) -> Self {
        Self { board, down: StoredValue::new(Vec::new()), is_drag: StoredValue::new(false) }
    }

    fn down(self, event: &PointerEvent) {
        let (x, y) = pointer::place(event);
        self.down.update_value(|down| {
            down.retain(|one| one.0 != event.pointer_id());
            down.push((event.pointer_id(), x, y));
        });
        self.is_drag.set_value(false);
    }

    fn go(self, event: &PointerEvent) {
        let (x, y) = pointer::place(event);
        let down = self.down.get_value();
        let Some(at) = down.iter().position(|one| one.0 == event.pointer_id()) else { return };
        let (_, from_x, from_y) = down[at];
        if !self.is_drag.get_value() {
            if (x - from_x).hypot(y - from_y) < SLACK {
                return;
            }
            self.is_drag.set_value(true);
            pointer::capture(event);
        }
        let camera = self.board.camera.get_untracked();
        let moved = match down.iter().find(|one| one.0 != event.pointer_id()) {
            None => camera.panned(x - from_x, y - from_y),
            Some(&(_, other_x, other_y)) => {
                let apart = |x: f64, y: f64| (x - other_x).hypot(y - other_y).max(1.0);
                camera.zoomed(apart(x, y) / apart(from_x, from_y), other_x, other_y)
            }
        };
        self.board.jump(moved);
        self.down.update_value(|down| down[at] = (event.pointer_id(), x, y));
    }

    fn up(self, event: &PointerEvent) {
        self.down.update_value(|down| down.retain(|one| one.0 != event.pointer_id()));
    }
}

fn on_key(board: Board, event: &KeyboardEvent) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let key = event.key();
    let cursor = board.cursor.get_untracked();
    match (key.as_str(), cursor) {
        ("ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown", Some(_)) if !event.shift_key() => {
            walk(board, &key);
        }
        ("ArrowLeft", _) => board.glide(board.camera.get_untracked().panned(STEP, 0.0)),
        ("ArrowRight", _) => board.glide(board.camera.get_untracked().panned(-STEP, 0.0)),
        ("ArrowUp", _) => board.glide(board.camera.get_untracked().panned(0.0, STEP)),
        ("ArrowDown", _) => board.glide(board.camera.get_untracked().panned(0.0, -STEP)),
        ("+" | "=", _) => board.zoom(ZOOM),
        ("-" | "_", _) => board.zoom(1.0 / ZOOM),
        ("0", _) => board.fit(),
        ("/", _) => {
            if let Some(field) = page::element(SEARCH) {
                field.focus().ok();
            }
        }
        ("Home" | "End", _) => {
            let items = &board.drawn.get_untracked().folded.items;
            go_to(board, (if key == "Home" { items.first() } else { items.last() }).map(|item| item.target));
        }
        ("Enter" | " ", Some(Target::Group(group))) => board.set_open(group, true),
        ("Enter" | " ", Some(node)) => board.choose(node),
        ("c", Some(Target::Node(node))) => {
            let group = board.scene.get_untracked().groups.of.get(node as usize).copied().flatten();
            group.into_iter().for_each(|group| board.set_open(group, false));
        }
        ("Escape", Some(_)) => board.cursor.set(None),
        _ => return,
    }
    event.prevent_default();
    event.stop_propagation();
}

fn walk(board: Board, key: &str) {
    let Some(item) = untrack(|| board.cursor_box()) else { return board.cursor.set(None) };
    let drawn = board.drawn.get_untracked();
    let next = match key {
        "ArrowLeft" => drawn.beside(item, false),
        "ArrowRight" => drawn.beside(item, true),
        "ArrowUp" => drawn.along(item, false),
        _ => drawn.along(item, true),
    };
    let next = next.and_then(|next| drawn.folded.items.get(next as usize)).map(|item| item.target);
    go_to(board, next);
}

fn go_to(board: Board, target: Option<Target>) {
    if let Some(target) = target {
        board.cursor.set(Some(target));
        board.reveal(target);
    }
}
