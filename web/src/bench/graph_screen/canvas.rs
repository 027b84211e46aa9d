//! The drawing, to look around in with pointer, wheel and keys. What is out of sight of a large graph is not there.

use std::sync::Arc;

use leptos::ev::{KeyboardEvent, MouseEvent, PointerEvent, WheelEvent};
use leptos::html;
use leptos::prelude::*;

use super::board::Board;
use super::drawn::Drawn;
use super::fold::Target;
use super::layout::Rect;
use super::values;
use crate::i18n::words;
use crate::platform::{page, pointer, size};

/// With no more boxes than this, all are there.
const MOST_WHOLE: usize = 150;
/// How far an arrow key moves the view, in pixels.
const STEP: f64 = 64.0;
/// How much a key or button enlarges.
const ZOOM: f64 = 1.25;
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

fn id(item: u32) -> String {
    format!("graph-box-{item}")
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
    let window = Memo::new(move |_| camera.get().window(view.get()));
    let content = move || {
        let drawn = drawn.get();
        let (boxes, routes) = (drawn.clone(), drawn.clone());
        let count = drawn.folded.items.len();
        let items = Memo::new(move |_| in_sight(boxes.layout.boxes.iter().copied(), &window.get(), count));
        let edges = Memo::new(move |_| {
            in_sight(routes.layout.routes.iter().map(|r| r.bounds()), &window.get(), count)
        });
        let (for_edges, for_items) = (drawn.clone(), drawn.clone());
        view! {
            <g aria-hidden="true">
                {drawn.frames.iter().map(|frame| {
                    let (group, Rect { x, y, width, height }) = (frame.group, frame.rect);
                    view! {
                        <g class="frame" transform=format!("translate({:.1} {:.1})", x - width / 2.0, y - height / 2.0)>
                            <rect width=width height=height rx="10" />
                            <text x="10" y="-5" on:click=move |_| board.set_open(group, false)>{format!("− {}", frame.label)}</text>
                        </g>
                    }
                }).collect_view()}
                <For each=move || edges.get() key=|at| *at let(at)>{edge(board, &for_edges, at)}</For>
            </g>
            <For each=move || items.get() key=|at| *at let(at)><ItemBox board drawn=for_items.clone() item=at /></For>
        }
    };
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
            let first = drawn.with_untracked(|drawn| drawn.folded.items.first().map(|item| item.target));
            board.cursor.set(board.chosen.get_untracked().or(first));
        }
    };
    view! {
        <div
            class="sheet"
            node_ref=node
            tabindex="0"
            role="tree"
            aria-label=move || words().graph.canvas
            aria-describedby="graph-keys"
            aria-activedescendant=move || board.cursor_box().map(id)
            on:pointerdown=move |event| drag.down(&event)
            on:pointermove=move |event| drag.go(&event)
            on:pointerup=move |event| drag.up(&event)
            on:pointercancel=move |event| drag.up(&event)
            on:wheel=on_wheel
            on:focus=on_focus
            on:keydown=move |event| on_key(board, &event)
        >
            <svg role="presentation" class:far=move || !camera.get().is_readable()>
                <defs>
                    <marker id="graph-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
                        <path d="M0,0.5L8,4L0,7.5z" />
                    </marker>
                </defs>
                <g class="world" class:glides=board.glides style:transform=transform>{content}</g>
            </svg>
        </div>
    }
}

fn edge(board: Board, drawn: &Drawn, at: u32) -> Option<impl IntoView + use<>> {
    let route = drawn.layout.routes.get(at as usize)?;
    let ends = [route.from, route.to];
    let is_near = move || board.chosen_box().is_some_and(|item| ends.contains(&item));
    let (arrow, none) = ("url(#graph-arrow)", "none");
    let (start, end) = if route.is_back() { (arrow, none) } else { (none, arrow) };
    Some(view! {
        <path class="edge" class:near=is_near class:back=route.is_back() d=route.path() marker-start=start marker-end=end></path>
    })
}

/// One box.
#[component]
fn ItemBox(board: Board, drawn: Arc<Drawn>, item: u32) -> impl IntoView {
    let at = item as usize;
    let facts = drawn.folded.items.get(at)?.clone();
    let (text, rect) = (drawn.texts.get(at)?.clone(), *drawn.layout.boxes.get(at)?);
    let target = facts.target;
    let is_layer = board.scene.with_untracked(|scene| match target {
        Target::Node(node) => scene.nodes.get(node as usize).is_some_and(|node| node.layer.is_some()),
        Target::Group(_) => false,
    });
    let is_chosen = move || board.chosen_box() == Some(item);
    let is_cursor = move || board.cursor_box() == Some(item);
    let members = facts.members;
    let is_hit = move || board.hits.with(|hits| hits.iter().any(|hit| members.binary_search(hit).is_ok()));
    let class = move || {
        board.colours.with(|colours| {
            let tint = colours.tints.get(at).map(|tint| tint.class()).unwrap_or_default();
            if colours.stale { format!("item stale {tint}") } else { format!("item {tint}") }
        })
    };
    let label = {
        let text = text.clone();
        move || {
            let value = values::of_item(board, at).map(|value| format!(", {value}")).unwrap_or_default();
            format!("{}, {}{value}", text.name, text.about)
        }
    };
    let is_group = matches!(target, Target::Group(_));
    let open = move || {
        if let Target::Group(group) = target {
            board.set_open(group, true);
        }
    };
    let plus = move |event: MouseEvent| {
        event.stop_propagation();
        open();
    };
    Some(view! {
        <g class=class>
            <g
                class="box"
                class:layer=is_layer
                class:block=is_group
                class:chosen=is_chosen
                class:cursor=is_cursor
                class:hit=is_hit
                id=id(item)
                role="treeitem"
                aria-selected=move || is_chosen().to_string()
                aria-expanded=is_group.then_some("false")
                aria-label=label.clone()
                transform=format!("translate({:.1} {:.1})", rect.x - rect.width / 2.0, rect.y - rect.height / 2.0)
                on:click=move |_| board.choose(target)
                on:dblclick=move |_| open()
            >
                <title>{label.clone()}</title>
                {is_group.then(|| view! { <rect class="under" x="4" y="4" width=rect.width height=rect.height rx="7" /> })}
                <rect width=rect.width height=rect.height rx="7" />
                <text class="name" x="10" y="16">{text.name}</text>
                <text class="about" x="10" y="30">{text.about}</text>
                {is_group.then(|| view! { <text class="plus" x=rect.width - 14.0 y="17" on:click=plus>"+"</text> })}
            </g>
        </g>
    })
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
            let item = board.drawn.with_untracked(|drawn| {
                let items = &drawn.folded.items;
                (if key == "Home" { items.first() } else { items.last() }).map(|item| item.target)
            });
            go_to(board, item);
        }
        ("Enter" | " ", Some(Target::Group(group))) => board.set_open(group, true),
        ("Enter" | " ", Some(node)) => board.choose(node),
        ("c", Some(Target::Node(node))) => {
            let group =
                board.scene.with_untracked(|scene| scene.groups.of.get(node as usize).copied().flatten());
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
    let next = board.drawn.with_untracked(|drawn| {
        let next = match key {
            "ArrowLeft" => drawn.beside(item, false),
            "ArrowRight" => drawn.beside(item, true),
            "ArrowUp" => drawn.along(item, false),
            _ => drawn.along(item, true),
        };
        next.and_then(|next| drawn.folded.items.get(next as usize)).map(|item| item.target)
    });
    go_to(board, next);
}

fn go_to(board: Board, target: Option<Target>) {
    if let Some(target) = target {
        board.cursor.set(Some(target));
        board.reveal(target);
    }
}
