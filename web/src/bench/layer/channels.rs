//! The ranges of the output channels: what one scale for all of them would have to cover.

use fewbit_quant::report::ChannelRange;
use leptos::prelude::*;

use super::looked::Looked;
use crate::chart::{Area, Frame, Probe, Scale, Size, Table, Tip, path, ticks};
use crate::i18n::words;
use crate::ui::format;

const LEFT: f64 = 40.0;
const TOP: f64 = 6.0;
const BOTTOM: f64 = 16.0;
/// How many channels are marked as the worst.
const WORST: usize = 3;
/// The share of a channel's width that its bar takes.
const BAR: f64 = 0.78;

/// The channels with the lowest SQNR: at most [`WORST`], and only where channels differ.
fn worst(channels: &[ChannelRange]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..channels.len()).filter(|&i| channels[i].sqnr_db.is_finite()).collect();
    if order.len() <= WORST {
        return Vec::new();
    }
    order.sort_by(|&a, &b| channels[a].sqnr_db.total_cmp(&channels[b].sqnr_db));
    order.truncate(WORST);
    order
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Plot {
    x: Scale,
    y: Scale,
    width: f64,
    size: Size,
}

impl Plot {
    fn new(channels: &[ChannelRange], size: Size) -> Self {
        let all = channels.iter().map(|channel| channel.float.union(channel.levels));
        let all = all.reduce(fewbit_numeric::Range::union);
        let (low, high) =
            all.map_or((-1.0, 1.0), |all| (f64::from(all.min.min(0.0)), f64::from(all.max.max(0.0))));
        let right = size.width.max(LEFT + 1.0);
        Self {
            x: Scale::linear((0.0, channels.len().max(1) as f64), (LEFT, right)),
            y: Scale::linear((low, high), ((size.height - BOTTOM).max(TOP + 1.0), TOP)),
            width: (right - LEFT) / channels.len().max(1) as f64,
            size,
        }
    }

    fn area(&self) -> Area {
        Area { left: LEFT, top: TOP, width: self.size.width - LEFT, height: self.size.height - BOTTOM - TOP }
    }

    fn middle(&self, channel: usize) -> f64 {
        self.x.pixel(channel as f64 + 0.5)
    }

    /// A bar for each channel, from one value to the other.
    fn bars(&self, channels: &[ChannelRange], range: fn(&ChannelRange) -> fewbit_numeric::Range) -> String {
        let half = 0.5 * (BAR * self.width).max(1.0);
        let bar = |(i, channel): (usize, &ChannelRange)| {
            let (range, middle) = (range(channel), self.middle(i));
            let [low, high] = [range.min, range.max].map(|value| self.y.pixel(value.into()));
            path::area(&[(middle - half, high), (middle + half, high)], low)
        };
        channels.iter().enumerate().map(bar).collect()
    }

    /// A small triangle at the foot of each of the worst channels.
    fn worst(&self, channels: &[ChannelRange]) -> String {
        let floor = self.size.height - BOTTOM;
        let mark = |channel: usize| {
            let x = self.middle(channel);
            path::line([(x - 4.0, floor), (x, floor - 7.0), (x + 4.0, floor)]) + "Z"
        };
        worst(channels).into_iter().map(mark).collect()
    }
}

fn lines(channels: &[ChannelRange], i: usize) -> Vec<String> {
    let words = &words().layer;
    let range = |range: fewbit_numeric::Range| {
        let [low, high] = [range.min, range.max].map(|x| format::significant(x.into()));
        format!("{low} … {high}")
    };
    channels.get(i).map_or_else(Vec::new, |channel| {
        let mut lines = vec![
            (words.channel_number)(i),
            format!("{} {}", words.float, range(channel.float)),
            format!("{} {}", words.levels, range(channel.levels)),
            format!("SQNR {} dB", format::decibels(channel.sqnr_db)),
        ];
        if worst(channels).contains(&i) {
            lines.push(words.among_worst.to_owned());
        }
        lines
    })
}

fn table(channels: &[ChannelRange]) -> Table {
    let row = |(i, channel): (usize, &ChannelRange)| {
        let numbers = [channel.float.min, channel.float.max, channel.levels.min, channel.levels.max];
        let mut row = vec![i.to_string()];
        row.extend(numbers.map(|number| number.to_string()));
        row.push(format!("{:.3}", channel.sqnr_db));
        row
    };
    Table {
        heads: words().layer.channel_heads.map(str::to_owned).to_vec(),
        rows: channels.iter().enumerate().map(row).collect(),
    }
}

/// The chart of the channels.
#[component]
pub fn Channels(
    /// The layer that is looked at.
    looked: Looked,
) -> impl IntoView {
    let seen = looked.seen(|view| view.channels.clone());
    let channels = Memo::new(move |_| seen.get().unwrap_or_default());
    let picked = RwSignal::new(None::<usize>);
    let plot = move |size: Signal<Size>| Memo::new(move |_| channels.with(|c| Plot::new(c, size.get())));
    let said = Memo::new(move |_| {
        picked.get().map(|mark| channels.with(|channels| lines(channels, mark))).unwrap_or_default()
    });
    let summary = move || {
        channels.with(|channels| {
            let worst = worst(channels).iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
            (words().layer.channels_summary)(channels.len(), &worst)
        })
    };
    view! {
        <Frame
            title=Signal::derive(|| words().layer.channel_ranges.to_owned())
            summary=Signal::derive(summary)
            table=Callback::new(move |()| channels.with(|channels| table(channels)))
            name="channels"
            stale=looked.stale
            drawing=Callback::new(move |size| view! { <Drawing looked channels picked said plot=plot(size) /> }.into_any())
            overlay=Callback::new(move |size| {
                let plot = plot(size);
                let x = Signal::derive(move || picked.get().map(|mark| plot.get().middle(mark)));
                view! { <Tip x size lines=said /> }.into_any()
            })
        />
    }
}

#[component]
fn Drawing(
    looked: Looked,
    channels: Memo<Vec<ChannelRange>>,
    picked: RwSignal<Option<usize>>,
    said: Memo<Vec<String>>,
    plot: Memo<Plot>,
) -> impl IntoView {
    let count = Memo::new(move |_| channels.with(Vec::len));
    let draw = move |of: &dyn Fn(&Plot, &[ChannelRange]) -> String| channels.with(|c| of(&plot.get(), c));
    let zero = move || plot.get().y.pixel(0.0);
    let area = Memo::new(move |_| plot.get().area());
    let selected = move || looked.channel.get().map(|channel| channel as usize);
    let band = move |channel: Option<usize>| {
        let (width, middle) = (plot.get().width, plot.get().middle(channel.unwrap_or_default()));
        (middle - 0.5 * width, if channel.is_some() { width } else { 0.0 })
    };
    let ends = Memo::new(move |_| {
        let (low, high) = plot.get().y.domain();
        [(low, area.get().top + area.get().height), (high, area.get().top + 8.0)]
    });
    let at = move |(x, _): (f64, f64)| {
        let mark = plot.get_untracked().x.value(x).floor();
        let last = count.get_untracked().checked_sub(1)?;
        Some(mark.clamp(0.0, last as f64) as usize)
    };
    view! {
        <rect class="chosen" x=move || band(selected()).0 width=move || band(selected()).1 y=move || area.get().top height=move || area.get().height.max(0.0) />
        <rect class="shade" x=move || band(picked.get()).0 width=move || band(picked.get()).1 y=move || area.get().top height=move || area.get().height.max(0.0) />
        <path class="float-bars" d=move || draw(&|plot, channels| plot.bars(channels, |channel| channel.float)) />
        <path class="level-bars" d=move || draw(&|plot, channels| plot.bars(channels, |channel| channel.levels)) />
        <path class="worst" d=move || draw(&Plot::worst) />
        <line class="axis" x1=LEFT x2=move || area.get().left + area.get().width y1=zero y2=zero />
        {[0, 1].map(|i| view! {
            <text x=LEFT - 4.0 y=move || ends.get()[i].1 text-anchor="end">{move || {
                let [(low, _), (high, _)] = ends.get();
                ticks::label([low, high][i], &[0.0, 0.01 * (high - low)])
            }}</text>
        })}
        <text x=LEFT y=move || area.get().top + area.get().height + 13.0>"0"</text>
        <text x=move || area.get().left + 0.5 * area.get().width y=move || area.get().top + area.get().height + 13.0 text-anchor="middle">{move || words().layer.output_channel}</text>
        <text x=move || area.get().left + area.get().width y=move || area.get().top + area.get().height + 13.0 text-anchor="end">{move || count.get().saturating_sub(1)}</text>
        <Probe
            name=Signal::derive(|| words().layer.pick_channel.to_owned())
            area
            count
            picked
            first=Signal::derive(move || selected().unwrap_or(0))
            text=Signal::derive(move || said.get().join(", "))
            at=Callback::new(at)
            activate=Callback::new(move |channel: usize| looked.toggle_channel(channel as u32))
        />
    }
}

#[cfg(test)]
mod tests {
    use fewbit_numeric::Range;

    use super::*;

    fn channel(sqnr_db: f64) -> ChannelRange {
        let range = Range { min: -1.0, max: 2.0 };
        ChannelRange { float: range, levels: range, sqnr_db }
    }

    #[test]
    fn the_lowest_channels_are_the_worst() {
        let channels = [30.0, 12.0, 25.0, f64::INFINITY, 11.0, 40.0].map(channel);
        assert_eq!(worst(&channels), [4, 1, 2]);
        assert!(worst(&channels[..3]).is_empty());
        assert!(worst(&[f64::INFINITY; 9].map(channel)).is_empty());
    }

    #[test]
    fn bars_reach_from_the_smallest_to_the_largest_value() {
        let plot = Plot::new(&[channel(1.0)], Size { width: 140.0, height: 122.0 });
        let bars = plot.bars(&[channel(1.0)], |channel| channel.float);
        assert!(bars.contains(",6.00") && bars.contains(",106.00"), "{bars}");
    }
}
