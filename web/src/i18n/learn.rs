//! Learning: pipelines, runs, and algorithms at work.

use fewbit_experiment::replay::Verdict;
use fewbit_experiment::runs::{PaceSource, Phase};
use fewbit_quant::methods::{DataNeed, Fact, GradientNeed, Stage};

/// The words.
pub struct Words {
    /// The two screens of the page.
    pub bench: &'static str,
    /// The other.
    pub learn: &'static str,
    /// The panel of the pipeline.
    pub pipeline: &'static str,
    /// A ready-made pipeline.
    pub presets: &'static str,
    /// The names of the ready-made ones: nearest, equalize, GPTQ, AdaRound, BRECQ, QDrop, LSQ.
    pub preset_names: [&'static str; 7],
    /// Adds a method.
    pub add: &'static str,
    /// Takes a method out: its name.
    pub remove: fn(&str) -> String,
    /// An empty pipeline.
    pub nearest: &'static str,
    /// The stage of a method.
    pub stage: fn(Stage) -> &'static str,
    /// What data it looks at.
    pub data: fn(DataNeed) -> &'static str,
    /// What gradients it needs.
    pub gradients: fn(GradientNeed) -> &'static str,
    /// What it would take: seconds, samples.
    pub estimate: fn(&str, &str) -> String,
    /// How that is known.
    pub pace: fn(PaceSource) -> &'static str,
    /// Starts a run.
    pub run: &'static str,
    /// Lets it stand still.
    pub pause: &'static str,
    /// Lets it go on.
    pub resume: &'static str,
    /// One unit of work.
    pub step: &'static str,
    /// Ends it and keeps what it learned.
    pub keep: &'static str,
    /// Ends it and drops what it learned.
    pub drop: &'static str,
    /// Runs what a link says, and compares.
    pub replay: &'static str,
    /// What a replay came to: with the name of the first layer that differs.
    pub verdict: fn(&Verdict, &str) -> String,
    /// Where a run stands.
    pub phase: fn(Phase) -> &'static str,
    /// Step, of, place.
    pub at: fn(&str, usize, &str) -> String,
    /// The panel of the algorithm at work.
    pub cinema: &'static str,
    /// Nothing to see yet.
    pub cinema_nothing: &'static str,
    /// The timeline.
    pub timeline: &'static str,
    /// Plays the timeline.
    pub play: &'static str,
    /// Stops playing.
    pub still: &'static str,
    /// Loss over iterations.
    pub loss: &'static str,
    /// The regularizer.
    pub regularizer: &'static str,
    /// The learning rate.
    pub rate: &'static str,
    /// What the curves show, and what is better.
    pub loss_summary: &'static str,
    /// An axis.
    pub iteration: &'static str,
    /// The histogram of h(v).
    pub soft: &'static str,
    /// What it shows.
    pub soft_summary: &'static str,
    /// The map of flips.
    pub map: &'static str,
    /// What it shows: flipped, of.
    pub map_summary: fn(&str, &str) -> String,
    /// Legend of the map: down, nearest, up.
    pub map_legend: [&'static str; 3],
    /// GPTQ's columns.
    pub columns: &'static str,
    /// What they show.
    pub columns_summary: &'static str,
    /// Error of a column that is done.
    pub column_error: &'static str,
    /// What was added to a column to make up for others.
    pub compensation: &'static str,
    /// An axis.
    pub column: &'static str,
    /// Latent weights on the grid of codes.
    pub latent: &'static str,
    /// What they show.
    pub latent_summary: &'static str,
    /// An axis.
    pub code: &'static str,
    /// Step sizes over the training.
    pub scales: &'static str,
    /// What they show.
    pub scales_summary: &'static str,
    /// Of weights.
    pub of_weights: &'static str,
    /// Of inputs.
    pub of_inputs: &'static str,
    /// Oscillating weights: share.
    pub oscillating: fn(&str) -> String,
    /// The panel of runs.
    pub runs: &'static str,
    /// No runs yet.
    pub runs_nothing: &'static str,
    /// Heads: pipeline, bits, accuracy, KL, size, seconds.
    pub run_heads: [&'static str; 6],
    /// Puts a run on the bench.
    pub show: &'static str,
    /// Picks a run to compare with.
    pub compare: &'static str,
    /// The paired test: difference in points, only first, only second, p, n.
    pub paired: fn(&str, u32, u32, &str, &str) -> String,
    /// Whether they can be told apart.
    pub apart: fn(bool) -> &'static str,
    /// What the paired test is.
    pub paired_hint: &'static str,
    /// Heads of the comparison, layer by layer: layer, weight SQNR of both, cumulative SQNR of both.
    pub compare_heads: [&'static str; 5],
    /// A run that was stopped.
    pub partial: &'static str,
    /// What was found out.
    pub findings: &'static str,
    /// A finding.
    pub fact: fn(&Fact) -> String,
    /// A layer's name for the select of layers.
    pub layer: &'static str,
}

/// English.
pub const ENGLISH: Words = Words {
    bench: "Bench",
    learn: "Learn",
    pipeline: "Pipeline",
    presets: "Ready-made",
    preset_names: [
        "Round to nearest",
        "Equalize, correct biases",
        "GPTQ, correct biases",
        "AdaRound, correct biases",
        "BRECQ",
        "QDrop",
        "LSQ with distillation",
    ],
    add: "Add a method…",
    remove: |name| format!("Remove {name}"),
    nearest: "No method: weights are rounded to nearest. Add one to do better.",
    stage: |stage| match stage {
        Stage::Equalize => "Rewrite the model",
        Stage::Range => "Find ranges",
        Stage::Round => "Find codes",
        Stage::Correct => "Correct means",
        Stage::Train => "Train everything",
        Stage::Reestimate => "Fit statistics",
    },
    data: |data| match data {
        DataNeed::Nothing => "no data",
        DataNeed::Samples => "calibration samples",
        DataNeed::Labels => "labelled samples",
    },
    gradients: |gradients| match gradients {
        GradientNeed::Nothing => "no gradients",
        GradientNeed::Layer => "gradients of a layer",
        GradientNeed::Block => "gradients of a block",
        GradientNeed::Network => "gradients of everything",
    },
    estimate: |time, samples| format!("About {time} here, learning from {samples} samples"),
    pace: |source| match source {
        PaceSource::Forward => {
            "Multiply-accumulates that the method needs, over what this engine does in a second in a forward pass: rather too short."
        }
        PaceSource::SameMethod => {
            "Multiply-accumulates that the method needs, over what this engine did in a second in an earlier run of it."
        }
    },
    run: "Run",
    pause: "Pause",
    resume: "Go on",
    step: "One step",
    keep: "Stop, keep it",
    drop: "Drop it",
    replay: "Replay the link",
    verdict: |verdict, layer| match verdict {
        Verdict::Reproduced => "Reproduced: every layer is the same to the bit.".to_owned(),
        Verdict::Differs { layers, accuracy } => {
            let by = accuracy.map_or(String::new(), |a| format!(", accuracy {:+.2} points", 100.0 * a));
            format!("Differs in {} layers, first at {layer}{by}.", layers.len())
        }
    },
    phase: |phase| match phase {
        Phase::Learning => "learning",
        Phase::Paused => "paused",
        Phase::Measuring => "measuring",
        Phase::Dropped => "dropped",
    },
    at: |step, of, place| format!("step {step} of {of} · {place}"),
    cinema: "At work",
    cinema_nothing: "Run a pipeline with GPTQ, AdaRound, BRECQ, QDrop or LSQ to watch it learn on the real weights.",
    timeline: "Timeline",
    play: "Play slowly",
    still: "Stop",
    loss: "Loss",
    regularizer: "Regularizer",
    rate: "Learning rate",
    loss_summary: "The loss over iterations; lower is better. Log scale.",
    iteration: "iteration",
    soft: "h(v): how far each rounding is decided",
    soft_summary: "Counts of h(v) in 20 bins. At 0 a weight rounds down, at 1 up; in between it is not decided yet.",
    map: "Roundings against nearest",
    map_summary: |flipped, of| format!("{flipped} of {of} weights round otherwise than to nearest"),
    map_legend: ["one lower", "nearest", "one higher"],
    columns: "Columns, one after another",
    columns_summary: "Error of each column that is done, and what was added to those to come to make up for it.",
    column_error: "error of a column",
    compensation: "added to a column (RMS)",
    column: "column",
    latent: "Latent weights on the grid",
    latent_summary: "Where latent weights lie between codes. Peaks at the dashed edges between two codes are weights that oscillate.",
    code: "code",
    scales: "Step sizes",
    scales_summary: "The layer's scales over the training, each against its start.",
    of_weights: "weights",
    of_inputs: "input",
    oscillating: |share| format!("{share} of the layer's weights oscillate"),
    runs: "Runs",
    runs_nothing: "Nothing was run yet. Every run stays here, to be sorted, compared and returned to.",
    run_heads: ["Pipeline", "Bits", "Accuracy, %", "KL, nat", "Size", "Time, s"],
    show: "Put on the bench",
    compare: "Compare",
    paired: |points, first, second, p, n| {
        format!("{points} points · right in only one: {first} against {second} · p = {p} · n = {n}")
    },
    apart: |apart| {
        if apart { "The two can be told apart at this n." } else { "The two cannot be told apart at this n." }
    },
    paired_hint: "McNemar's test on the same samples, mid-p, two-sided: how likely a difference like this is between two models that are equally good. Below 0.05 they can be told apart.",
    compare_heads: ["Layer", "Weights, dB", "then", "Cumulative, dB", "then"],
    partial: "stopped early",
    findings: "What it did",
    fact: |fact| match fact {
        Fact::NotApplied { reason } => format!("left as it was: {reason}"),
        Fact::Flipped { count, of } => format!("{count} of {of} codes changed"),
        Fact::Error { of, before, after } => format!("{of}: mean squared error {before:.3e} → {after:.3e}"),
        Fact::Bias { max, rms } => format!("bias moved by {rms:.3e} (RMS), {max:.3e} at most"),
        Fact::Scaled { min, max } => format!("channels scaled by {min:.3} to {max:.3}"),
        Fact::Grid { before, after } => format!("mean scale {before:.3e} → {after:.3e}"),
        Fact::ZeroPoints { max, .. } => format!("zero points moved by up to {max:.2} steps"),
    },
    layer: "Layer",
};

/// Chinese.
pub const CHINESE: Words = Words {
    bench: "工作台",
    learn: "学习",
    pipeline: "流水线",
    presets: "预设",
    preset_names: [
        "就近舍入",
        "均衡 + 偏置校正",
        "GPTQ + 偏置校正",
        "AdaRound + 偏置校正",
        "BRECQ",
        "QDrop",
        "LSQ + 蒸馏",
    ],
    add: "添加方法…",
    remove: |name| format!("移除 {name}"),
    nearest: "没有方法：权重就近舍入。添加方法以求更好。",
    stage: |stage| match stage {
        Stage::Equalize => "改写模型",
        Stage::Range => "确定范围",
        Stage::Round => "确定编码",
        Stage::Correct => "校正均值",
        Stage::Train => "整网训练",
        Stage::Reestimate => "重估统计量",
    },
    data: |data| match data {
        DataNeed::Nothing => "无需数据",
        DataNeed::Samples => "校准样本",
        DataNeed::Labels => "带标签样本",
    },
    gradients: |gradients| match gradients {
        GradientNeed::Nothing => "无需梯度",
        GradientNeed::Layer => "单层梯度",
        GradientNeed::Block => "单块梯度",
        GradientNeed::Network => "整网梯度",
    },
    estimate: |time, samples| format!("在此约需 {time}，使用 {samples} 个样本"),
    pace: |source| match source {
        PaceSource::Forward => "方法所需的乘加次数，除以本引擎前向传播每秒的乘加次数：偏短。",
        PaceSource::SameMethod => "方法所需的乘加次数，除以本引擎先前运行该方法时每秒的乘加次数。",
    },
    run: "运行",
    pause: "暂停",
    resume: "继续",
    step: "单步",
    keep: "停止并保留",
    drop: "放弃",
    replay: "重放链接",
    verdict: |verdict, layer| match verdict {
        Verdict::Reproduced => "已复现：每一层逐位相同。".to_owned(),
        Verdict::Differs { layers, accuracy } => {
            let by = accuracy.map_or(String::new(), |a| format!("，准确率相差 {:+.2} 个百分点", 100.0 * a));
            format!("有 {} 层不同，首先是 {layer}{by}。", layers.len())
        }
    },
    phase: |phase| match phase {
        Phase::Learning => "学习中",
        Phase::Paused => "已暂停",
        Phase::Measuring => "测量中",
        Phase::Dropped => "已放弃",
    },
    at: |step, of, place| format!("第 {step}/{of} 步 · {place}"),
    cinema: "算法过程",
    cinema_nothing: "运行含 GPTQ、AdaRound、BRECQ、QDrop 或 LSQ 的流水线，即可在真实权重上观看其学习。",
    timeline: "时间轴",
    play: "慢放",
    still: "停止",
    loss: "损失",
    regularizer: "正则项",
    rate: "学习率",
    loss_summary: "损失随迭代的变化；越低越好。对数刻度。",
    iteration: "迭代",
    soft: "h(v)：每个舍入的确定程度",
    soft_summary: "h(v) 在 20 个区间中的计数。0 为向下舍入，1 为向上舍入；其间尚未确定。",
    map: "与就近舍入相比",
    map_summary: |flipped, of| format!("{of} 个权重中有 {flipped} 个未就近舍入"),
    map_legend: ["低一级", "就近", "高一级"],
    columns: "逐列量化",
    columns_summary: "已完成各列的误差，以及为补偿而加到其余列上的量。",
    column_error: "列误差",
    compensation: "加到列上的量（RMS）",
    column: "列",
    latent: "网格上的潜在权重",
    latent_summary: "潜在权重在编码之间的位置。两个编码之间虚线处的峰是振荡的权重。",
    code: "编码",
    scales: "步长",
    scales_summary: "训练过程中该层的缩放因子，相对其初值。",
    of_weights: "权重",
    of_inputs: "输入",
    oscillating: |share| format!("该层 {share} 的权重在振荡"),
    runs: "运行记录",
    runs_nothing: "尚未运行。每次运行都会留在这里，可排序、比较和返回。",
    run_heads: ["流水线", "位宽", "准确率 %", "KL nat", "大小", "时间 s"],
    show: "放上工作台",
    compare: "比较",
    paired: |points, first, second, p, n| {
        format!("{points} 个百分点 · 仅一方正确：{first} 对 {second} · p = {p} · n = {n}")
    },
    apart: |apart| {
        if apart { "在此样本数下两者可区分。" } else { "在此样本数下两者无法区分。" }
    },
    paired_hint: "相同样本上的 McNemar 检验（mid-p，双侧）：两个同样好的模型出现这种差异的概率。低于 0.05 则可区分。",
    compare_heads: ["层", "权重 dB", "之后", "累积 dB", "之后"],
    partial: "提前停止",
    findings: "所做的改变",
    fact: |fact| match fact {
        Fact::NotApplied { reason } => format!("保持原样：{reason}"),
        Fact::Flipped { count, of } => format!("{of} 个编码中有 {count} 个改变"),
        Fact::Error { of, before, after } => format!("{of}：均方误差 {before:.3e} → {after:.3e}"),
        Fact::Bias { max, rms } => format!("偏置移动 {rms:.3e}（RMS），最多 {max:.3e}"),
        Fact::Scaled { min, max } => format!("通道缩放 {min:.3} 至 {max:.3}"),
        Fact::Grid { before, after } => format!("平均缩放因子 {before:.3e} → {after:.3e}"),
        Fact::ZeroPoints { max, .. } => format!("零点最多移动 {max:.2} 步"),
    },
    layer: "层",
};
