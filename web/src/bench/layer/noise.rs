//! Noise through the network: at each layer, what has come together and what the layer itself adds.

use leptos::prelude::*;

use super::looked::Looked;
use crate::chart::{Area, Frame, Probe, Scale, Size, Table, Tip, path, ticks};
use crate::i18n::words;
use crate::ui::format;

const LEFT: f64 = 48.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 6.0;
const BOTTOM: f64 = 16.0;
/// Pixels that a layer's label needs.
const LABEL: f64 = 40.0;

/// The noise at one layer, as Σe²/Σy².
#[derive(Clone, Debug, PartialEq)]
struct Noise {
    layer: String,
    cumulative: f64,
    local: f64,
    n: u64,
}

/// What an SQNR in dB means as noise for signal.
fn relative(sqnr_db: f64) -> f64 {
    10f64.powf(-0.1 * sqnr_db)
}

/// A name in few letters: the first letter and the number of each of its parts, as in `s2.c1`.
fn short(name: &str) -> String {
    let parts = name.split(['.', '/', '_']).filter(|part| !part.is_empty());
    let shorten = |part: &str| {
        let digits: String = part.chars().skip(1).filter(char::is_ascii_digit).collect();
        part.chars().take(1).chain(digits.chars()).collect::<String>()
    };
    if name.chars().count() <= 6 { name.to_owned() } else { parts.map(shorten).collect::<Vec<_>>().join(".") }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Plot {
    x: Scale,
    y: Scale,
    size: Size,
}

impl Plot {
    fn new(noise: &[Noise], size: Size) -> Self {
        let most = noise.iter().map(|at| at.cumulative.max(at.local)).fold(0.0, f64::max);
        let most = if most > 0.0 && most.is_finite() { most } else { 1.0 };
        Self {
            x: Scale::linear(
                (0.0, noise.len().saturating_sub(1).max(1) as f64),
                (LEFT + RIGHT, (size.width - RIGHT).max(LEFT + RIGHT + 1.0)),
            ),
            y: Scale::linear((0.0, most), ((size.height - BOTTOM).max(TOP + 1.0), TOP)),
            size,
        }
    }

    fn area(&self) -> Area {
        Area { left: LEFT, top: TOP, width: self.size.width - LEFT, height: self.size.height - TOP - BOTTOM }
    }

    fn points(&self, noise: &[Noise], of: fn(&Noise) -> f64) -> Vec<(f64, f64)> {
        noise.iter().enumerate().map(|(i, at)| (self.x.pixel(i as f64), self.y.pixel(of(at)))).collect()
    }

    /// Pixels from one layer to the next.
    fn pitch(&self) -> f64 {
        self.x.pixel(1.0) - self.x.pixel(0.0)
    }
}

fn lines(noise: &[Noise], i: usize) -> Vec<String> {
    let words = &words().layer;
    noise.get(i).map_or_else(Vec::new, |at| {
        vec![
            at.layer.clone(),
            (words.noise_arrived)(&percent(at.cumulative)),
            (words.noise_added)(&percent(at.local)),
            format!("n = {}", format::count(at.n)),
        ]
    })
}

/// A share of noise with three digits: shares of a millionth are as usual as shares of a half.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent >= 10.0 { format!("{percent:.0} %") } else { format!("{} %", format::significant(percent)) }
}

/// The chart.
#[component]
pub fn NoiseChart(
    /// The layer that is looked at.
    looked: Looked,
) -> impl IntoView {
    let results = looked.desk.results;
    let noise = Memo::new(move |_| {
        let names: Vec<String> = results
            .facts
            .with(|facts| facts.iter().flat_map(|f| &f.layers).map(|layer| layer.name.clone()).collect());
        results.layers.with(|reports| {
            let reports = reports.iter().flat_map(|reports| &reports.value);
            reports
                .zip(names)
                .map(|(report, layer)| Noise {
                    layer,
                    cumulative: report.cumulative.map_or(0.0, |errors| relative(errors.sqnr_db)),
                    local: report.local.map_or(0.0, |errors| relative(errors.sqnr_db)),
                    n: report.cumulative.or(report.local).map_or(0, |errors| errors.n),
                })
                .collect::<Vec<_>>()
        })
    });
    let stale = Signal::derive(move || {
        results.layers.with(|reports| reports.as_ref().is_some_and(|of| looked.desk.is_stale(of.revision)))
    });
    let picked = RwSignal::new(None::<usize>);
    let said = Memo::new(move |_| {
        picked.get().map(|mark| noise.with(|noise| lines(noise, mark))).unwrap_or_default()
    });
    let table = move |()| Table {
        heads: words().layer.noise_heads.map(str::to_owned).to_vec(),
        rows: noise.with(|noise| {
            let row = |at: &Noise| {
                vec![at.layer.clone(), at.cumulative.to_string(), at.local.to_string(), at.n.to_string()]
            };
            noise.iter().map(row).collect()
        }),
    };
    let plot = move |size: Signal<Size>| Memo::new(move |_| noise.with(|noise| Plot::new(noise, size.get())));
    view! {
        <div class="noise">
            <Frame
                title=Signal::derive(|| words().layer.noise.to_owned())
                summary=Signal::derive(|| words().layer.noise_summary.to_owned())
                table=Callback::new(table)
                name="noise"
                stale
                aside=move || view! { <span class="muted">{move || words().layer.noise_aside}</span> }
                drawing=Callback::new(move |size| view! { <Drawing looked noise picked said plot=plot(size) /> }.into_any())
                overlay=Callback::new(move |size| {
                    let plot = plot(size);
                    let x = Signal::derive(move || picked.get().map(|mark| plot.get().x.pixel(mark as f64)));
                    view! { <Tip x size lines=said /> }.into_any()
                })
            />
        </div>
    }
}

#[component]
fn Drawing(
    looked: Looked,
    noise: Memo<Vec<Noise>>,
    picked: RwSignal<Option<usize>>,
    said: Memo<Vec<String>>,
    plot: Memo<Plot>,
) -> impl IntoView {
    let count = Memo::new(move |_| noise.with(Vec::len));
    let area = Memo::new(move |_| plot.get().area());
    let floor = move || area.get().top + area.get().height;
    let points = move |of: fn(&Noise) -> f64| noise.with(|noise| plot.get().points(noise, of));
    let selected = move || looked.index.get() as usize;
    let ups = Memo::new(move |_| {
        let y = plot.get().y;
        let at = ticks::linear(0.0, 100.0 * y.domain().1, 3);
        let label = |&percent: &f64| (y.pixel(0.01 * percent), format!("{} %", ticks::label(percent, &at)));
        at.iter().filter(|&&percent| percent > 0.0).map(label).collect::<Vec<_>>()
    });
    // As many labels as there is room for; the selected layer always has one.
    let labels = Memo::new(move |_| {
        let step = (LABEL / plot.get().pitch().max(1e-9)).ceil().max(1.0) as usize;
        let selected = selected();
        noise.with(|noise| {
            let is_shown =
                |i: usize| i == selected || (i.is_multiple_of(step) && i.abs_diff(selected) >= step);
            let labelled = noise.iter().enumerate().filter(|&(i, _)| is_shown(i));
            labelled
                .map(|(i, at)| (plot.get().x.pixel(i as f64), short(&at.layer), i == selected))
                .collect::<Vec<_>>()
        })
    });
    let band = move |mark: Option<usize>| {
        let plot = plot.get();
        let (middle, width) = (plot.x.pixel(mark.unwrap_or_default() as f64), plot.pitch().min(2.0 * LABEL));
        (middle - 0.5 * width, if mark.is_some() { width } else { 0.0 })
    };
    let at = move |(x, _): (f64, f64)| {
        let last = count.get_untracked().checked_sub(1)?;
        Some(plot.get_untracked().x.value(x).round().clamp(0.0, last as f64) as usize)
    };
    let select = move |layer: usize| {
        looked.look(|view| (view.layer, view.channel) = (layer as u32, None));
    };
    view! {
        <rect class="chosen" x=move || band(Some(selected())).0 width=move || band(Some(selected())).1 y=move || area.get().top height=move || area.get().height.max(0.0) />
        <rect class="shade" x=move || band(picked.get()).0 width=move || band(picked.get()).1 y=move || area.get().top height=move || area.get().height.max(0.0) />
        {move || ups.get().into_iter().map(|(y, label)| view! {
            <line class="axis faint" x1=LEFT x2=area.get().left + area.get().width y1=y y2=y />
            <text x=LEFT - 4.0 y=y + 4.0 text-anchor="end">{label}</text>
        }).collect_view()}
        <path class="arrived" d=move || path::area(&points(|at| at.cumulative), floor()) />
        <path class="added" d=move || path::area(&points(|at| at.local), floor()) />
        <path class="arrived-line" d=move || path::line(points(|at| at.cumulative)) />
        <line class="axis" x1=LEFT x2=move || area.get().left + area.get().width y1=floor y2=floor />
        {move || labels.get().into_iter().map(|(x, label, is_selected)| view! {
            <text class:now=is_selected x=x y=floor() + 13.0 text-anchor="middle">{label}</text>
        }).collect_view()}
        <Probe
            name=Signal::derive(|| words().layer.pick_layer.to_owned())
            area
            count
            picked
            first=Signal::derive(selected)
            text=Signal::derive(move || said.get().join(", "))
            at=Callback::new(at)
            activate=Callback::new(select)
        />
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decibels_become_shares_of_the_signal() {
        assert!((relative(20.0) - 0.01).abs() < 1e-12);
        assert_eq!(relative(f64::INFINITY), 0.0);
    }

    #[test]
    fn long_names_are_shortened_to_letters_and_numbers() {
        assert_eq!(short("stage2.conv1"), "s2.c1");
        assert_eq!(short("conv1"), "conv1");
        assert_eq!(short("/features/block_10/conv"), "f.b.10.c");
    }
}
