//! What the parts of the screen share: the drawing, what is seen of it, what is selected in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use fewbit_experiment::{Command, View};
use leptos::prelude::*;

use super::camera::Camera;
use super::colour::{Known, Paint, Ramp, Reading, Tint, kind};
use super::drawn::{Drawn, Scene};
use super::fold::Target;
use crate::chart::Size;
use crate::i18n::words;
use crate::state::Desk;

/// A graph with more nodes is first shown with its blocks closed.
const MOST_OPEN: usize = 80;

/// The colours of the boxes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Colours {
    /// What each node shows.
    pub nodes: Vec<Reading>,
    /// What each box shows.
    pub items: Vec<Reading>,
    /// The colour of each box.
    pub tints: Vec<Tint>,
    /// What the ramp's ends are.
    pub ramp: Option<Ramp>,
    /// Whether a newer recipe has overtaken the values.
    pub stale: bool,
}

/// What the parts of the screen share.
#[derive(Clone, Copy)]
pub struct Board {
    /// The page's desk.
    pub desk: Desk,
    /// The graph.
    pub scene: Memo<Arc<Scene>>,
    /// The blocks that are open.
    pub open: RwSignal<BTreeSet<u32>>,
    /// The drawing.
    pub drawn: Memo<Arc<Drawn>>,
    /// What is seen of it.
    pub camera: RwSignal<Camera>,
    /// Whether the camera goes to its new place smoothly.
    pub glides: RwSignal<bool>,
    /// The size of the view.
    pub view: RwSignal<Size>,
    /// What is selected.
    pub chosen: RwSignal<Option<Target>>,
    /// What the keyboard is at.
    pub cursor: RwSignal<Option<Target>>,
    /// What is searched for.
    pub query: RwSignal<String>,
    /// The nodes that it is found in.
    pub hits: Memo<Vec<u32>>,
    /// What boxes are coloured by.
    pub paint: RwSignal<Paint>,
    /// The colours.
    pub colours: Memo<Arc<Colours>>,
    /// Whether the graph is shown as a table.
    pub as_table: RwSignal<bool>,
}

impl Board {
    /// A board for the model of `desk`.
    pub fn new(desk: Desk) -> Self {
        let scene = Memo::new(move |_| {
            let scene = desk.results.facts.with(|facts| {
                let facts = facts.as_ref()?;
                let layers: Vec<String> = facts.layers.iter().map(|layer| layer.name.clone()).collect();
                let stuck: Vec<&str> = facts.unsupported.iter().map(|one| one.node.as_str()).collect();
                Some(Scene::new(facts.nodes.clone(), &layers, &stuck))
            });
            Arc::new(scene.unwrap_or_default())
        });
        let open = RwSignal::new(BTreeSet::new());
        let drawn = Memo::new(move |_| {
            let about = words().graph.nodes;
            Arc::new(Drawn::new(&scene.get(), &open.get(), about))
        });
        let query = RwSignal::new(String::new());
        let paint = RwSignal::new(Paint::default());
        let board = Self {
            desk,
            scene,
            open,
            drawn,
            camera: RwSignal::new(Camera::default()),
            glides: RwSignal::new(false),
            view: RwSignal::new(Size::default()),
            chosen: RwSignal::new(None),
            cursor: RwSignal::new(None),
            query,
            hits: Memo::new(move |_| scene.get().find(&query.get())),
            paint,
            colours: Memo::new(move |_| Arc::new(colours(desk, paint.get(), &scene.get(), &drawn.get()))),
            as_table: RwSignal::new(false),
        };
        board.follow();
        board
    }

    /// Keeps to the model and to the selected layer.
    fn follow(self) {
        let has_size = Memo::new(move |_| self.view.with(|view| view.width > 0.0));
        Effect::new(move |_| {
            let count = self.scene.get().nodes.len();
            self.set_all(count <= MOST_OPEN);
            self.cursor.set(None);
            self.chosen.set(untrack(|| self.node_of_layer(self.desk.document().view.layer)));
            if has_size.get() {
                let bounds = self.drawn.get_untracked().layout.bounds;
                self.camera.set(Camera::first(&bounds, self.view.get_untracked()));
                // The first layer is seen anyway, or in its block.
                let node =
                    self.chosen.get_untracked().filter(|_| untrack(|| self.desk.document().view.layer > 0));
                node.into_iter().for_each(|node| self.reveal(node));
                self.glides.set(false);
            }
        });
        let layer = self.desk.part(|document| document.view.layer);
        Effect::new(move |before: Option<u32>| {
            let layer = layer.get();
            let node = untrack(|| self.node_of_layer(layer));
            if before.is_some_and(|before| before != layer) && node != self.chosen.get_untracked() {
                self.chosen.set(node);
                node.into_iter().for_each(|node| self.reveal(node));
            }
            layer
        });
    }

    fn node_of_layer(self, layer: u32) -> Option<Target> {
        self.scene.get().layers.get(layer as usize).copied().map(Target::Node)
    }

    /// The selected box, tracked: that of the block where what is selected lies in one that is closed.
    pub fn chosen_box(self) -> Option<u32> {
        self.drawn.get().folded.box_of(self.chosen.get()?)
    }

    /// The box that the keyboard is at, tracked.
    pub fn cursor_box(self) -> Option<u32> {
        self.drawn.get().folded.box_of(self.cursor.get()?)
    }

    /// Selects a node or a block; of a layer the whole page hears.
    pub fn choose(self, target: Target) {
        self.cursor.set(Some(target));
        self.chosen.set(Some(target));
        let Target::Node(node) = target else { return };
        let layer = self.scene.get_untracked().nodes.get(node as usize).and_then(|node| node.layer);
        let view = untrack(|| self.desk.document()).view;
        if let Some(layer) = layer.filter(|&layer| layer != view.layer) {
            self.desk.dispatch(Command::Look(View { layer, channel: None, ..view }));
        }
    }

    /// Opens the blocks that a node or block is in, and brings it into view.
    pub fn reveal(self, target: Target) {
        let scene = self.scene.get_untracked();
        let innermost = match target {
            Target::Node(node) => scene.groups.of.get(node as usize).copied().flatten(),
            Target::Group(group) => scene.groups.all.get(group as usize).and_then(|group| group.parent),
        };
        let groups: Vec<u32> = scene.groups.around(innermost).collect();
        let open = self.open.get_untracked();
        if groups.iter().any(|group| !open.contains(group)) {
            self.open.update(|open| open.extend(groups));
        }
        let drawn = self.drawn.get_untracked();
        let at = drawn.folded.box_of(target).and_then(|item| drawn.layout.boxes.get(item as usize).copied());
        let (camera, view) = (self.camera.get_untracked(), self.view.get_untracked());
        if let Some(at) = at.filter(|at| !camera.shows(at, view) || !camera.is_readable()) {
            self.glide(camera.centred(at.x, at.y, view));
        }
    }

    /// Goes to another view, smoothly unless the person wants no motion.
    pub fn glide(self, camera: Camera) {
        self.glides.set(true);
        self.camera.set(camera);
    }

    /// Goes to another view at once.
    pub fn jump(self, camera: Camera) {
        self.glides.set(false);
        self.camera.set(camera);
    }

    /// Enlarges by a factor around the middle.
    pub fn zoom(self, factor: f64) {
        let view = self.view.get_untracked();
        self.glide(self.camera.get_untracked().zoomed(factor, view.width / 2.0, view.height / 2.0));
    }

    /// Shows all of the drawing.
    pub fn fit(self) {
        self.glide(Camera::fit(&self.drawn.get_untracked().layout.bounds, self.view.get_untracked()));
    }

    /// Opens or closes a block; what the block was, or becomes, stays where it is seen.
    pub fn set_open(self, group: u32, is_open: bool) {
        let scene = self.scene.get_untracked();
        let first = scene.groups.all.get(group as usize).and_then(|group| group.members.first().copied());
        let place = |drawn: &Drawn| {
            let item = drawn.folded.box_of(Target::Node(first?))?;
            drawn.layout.boxes.get(item as usize).copied()
        };
        let before = place(&self.drawn.get_untracked());
        self.open.update(|open| {
            if is_open {
                open.insert(group)
            } else {
                open.remove(&group)
            };
        });
        let after = place(&self.drawn.get_untracked());
        if let (Some(before), Some(after)) = (before, after) {
            let camera = self.camera.get_untracked();
            let scale = camera.scale;
            self.jump(camera.panned(scale * (before.x - after.x), scale * (before.y - after.y)));
        }
        if !is_open {
            self.cursor.set(Some(Target::Group(group)));
            self.chosen.set(Some(Target::Group(group)));
        }
    }

    /// Opens or closes all blocks.
    pub fn set_all(self, is_open: bool) {
        let count = self.scene.get_untracked().groups.all.len() as u32;
        self.open.set(if is_open { (0..count).collect() } else { BTreeSet::new() });
    }

    /// Goes to the hit after or before the one that is selected, and round.
    pub fn next_hit(self, forward: bool) {
        let hits = self.hits.get_untracked();
        let now = match self.chosen.get_untracked() {
            Some(Target::Node(node)) => hits.iter().position(|&hit| hit == node),
            _ => None,
        };
        let next = match (now, forward) {
            (None, true) => 0,
            (None, false) => hits.len().saturating_sub(1),
            (Some(now), true) => (now + 1) % hits.len(),
            (Some(now), false) => (now + hits.len() - 1) % hits.len(),
        };
        if let Some(&hit) = hits.get(next) {
            self.choose(Target::Node(hit));
            self.reveal(Target::Node(hit));
        }
    }
}

/// What every box shows, and its colour.
fn colours(desk: Desk, paint: Paint, scene: &Scene, drawn: &Drawn) -> Colours {
    let results = desk.results;
    let items = &drawn.folded.items;
    if paint == Paint::Kind {
        let tint = |target: Target| match target {
            Target::Node(node) => Tint::Kind(kind(&scene.nodes[node as usize].operator)),
            Target::Group(_) => Tint::Plain,
        };
        let tints = items.iter().map(|item| tint(item.target)).collect();
        return Colours { tints, nodes: vec![Reading::Nothing; scene.nodes.len()], ..Colours::default() };
    }
    let (applied, measured) = (results.applied.get(), results.layers.get());
    let bytes = results.size.with(|size| size.as_ref().map_or(0, |size| size.value.bytes));
    let nodes: Vec<Reading> = results.facts.with(|facts| {
        let Some(facts) = facts else { return Vec::new() };
        let reading = |layer: u32| {
            let facts_of = facts.layers.get(layer as usize)?;
            let known = Known {
                facts: facts_of,
                applied: applied.as_ref().and_then(|of| of.value.get(layer as usize)),
                measured: measured.as_ref().and_then(|of| of.value.get(layer as usize)),
                bytes,
                macs: facts.macs,
            };
            Some(Reading::of(paint, known))
        };
        scene.nodes.iter().map(|node| node.layer.and_then(reading).unwrap_or_default()).collect()
    });
    let join = |members: &Vec<u32>| {
        let readings = members.iter().filter_map(|&node| nodes.get(node as usize).copied());
        readings.reduce(|a, b| a.join(b, paint)).unwrap_or_default()
    };
    let readings: Vec<Reading> = items.iter().map(|item| join(&item.members)).collect();
    let ramp = Ramp::new(paint, readings.iter().copied());
    let revision = match paint {
        Paint::Macs | Paint::Kind => None,
        Paint::LocalSqnr | Paint::CumulativeSqnr => measured.map(|of| of.revision),
        _ => applied.map(|of| of.revision),
    };
    Colours {
        tints: readings.iter().map(|&reading| Tint::of(reading, ramp)).collect(),
        items: readings,
        nodes,
        ramp,
        stale: revision.is_some_and(|revision| desk.is_stale(revision)),
    }
}
