//! The panel of the selected layer: what happens inside.

use fewbit_numeric::Granularity;

/// The words.
pub struct Words {
    /// The panel's name.
    pub title: &'static str,
    /// Before anything is known.
    pub loading: &'static str,
    /// The weights.
    pub weights: &'static str,
    /// The layer's input.
    pub input: &'static str,
    /// The tabs' name.
    pub tensors: &'static str,
    /// Float values.
    pub float: &'static str,
    /// Quantized values.
    pub quantized: &'static str,
    /// Quantized values, with the number of levels.
    pub quantized_levels: fn(usize) -> String,
    /// The levels of a channel.
    pub levels: &'static str,
    /// The way to the layer's tensors.
    pub look_into: &'static str,
    /// Takes back the settings of this layer.
    pub reset: &'static str,
    /// What that means.
    pub reset_hint: &'static str,
    /// Steps of the window, after the operator.
    pub stride: fn(&str) -> String,
    /// A filter for each channel: how many.
    pub depthwise: fn(usize) -> String,
    /// Input and output channels.
    pub channels_in_out: fn(usize, usize) -> String,
    /// How many weights.
    pub weight_count: fn(&str) -> String,
    /// The controls' name.
    pub controls_of_weights: &'static str,
    /// The controls' name.
    pub controls_of_input: &'static str,
    /// Which codes exist.
    pub format: &'static str,
    /// What that is.
    pub format_hint: &'static str,
    /// Kinds of formats.
    pub schemes: [&'static str; 5],
    /// No quantization.
    pub keep_in_float: &'static str,
    /// Which values share a scale.
    pub granularity: &'static str,
    /// What that is.
    pub granularity_hint: &'static str,
    /// A granularity.
    pub granularity_name: fn(Granularity) -> String,
    /// How the range is found.
    pub range_method: &'static str,
    /// The methods.
    pub methods: [&'static str; 7],
    /// What each does.
    pub method_hints: [&'static str; 7],
    /// What each method's number means; empty where there is none.
    pub parameters: [&'static str; 7],
    /// Asked, done, and why that differs.
    pub differs: fn(&str, &str, &str) -> String,
    /// The histogram's name.
    pub weights_histogram: &'static str,
    /// The histogram's name.
    pub input_histogram: &'static str,
    /// There is no input to show.
    pub input_in_float: &'static str,
    /// There is no input to show yet.
    pub not_observed: &'static str,
    /// The histogram in a sentence: name, n, from, to, clipped below, above.
    pub histogram_summary: fn(&str, &str, &str, &str, &str, &str) -> String,
    /// Column heads.
    pub histogram_heads: [&'static str; 5],
    /// The bars' name, for the keyboard.
    pub bars: &'static str,
    /// The axis of counts.
    pub axis_count: &'static str,
    /// The same, logarithmic.
    pub axis_log_count: &'static str,
    /// How many are clipped on one side.
    pub clipped: fn(&str) -> String,
    /// A count and its share.
    pub of_values: fn(&str, &str) -> String,
    /// From where to where.
    pub from_to: fn(&str, &str) -> String,
    /// A code and its value.
    pub code: fn(&str, &str) -> String,
    /// A grid: name of its scale, scale, zero point.
    pub grid: fn(&str, &str, &str) -> String,
    /// There is a grid for each channel or group.
    pub many_grids: &'static str,
    /// What n counts.
    pub n_weights_meaning: &'static str,
    /// What n counts.
    pub n_input_meaning: &'static str,
    /// The values seen.
    pub range: &'static str,
    /// What that is.
    pub range_meaning: &'static str,
    /// Scale and zero point.
    pub grid_name: &'static str,
    /// What they are.
    pub grid_meaning: &'static str,
    /// Values that are lost.
    pub outliers: &'static str,
    /// What they are.
    pub outliers_meaning: &'static str,
    /// The lines' names.
    pub clip_line: [&'static str; 2],
    /// Where a line is, and the share of the range found.
    pub clip_at: fn(&str, &str) -> String,
    /// How to move one.
    pub clip_hint: &'static str,
    /// Logarithmic counts.
    pub log: &'static str,
    /// What that is.
    pub log_hint: &'static str,
    /// The choice's name.
    pub channels_shown: &'static str,
    /// All of them.
    pub all_channels: &'static str,
    /// One of them.
    pub one_channel: fn(u32) -> String,
    /// The chart of channels.
    pub channel_ranges: &'static str,
    /// The chart in a sentence: how many, which are worst.
    pub channels_summary: fn(usize, &str) -> String,
    /// Column heads.
    pub channel_heads: [&'static str; 6],
    /// A channel.
    pub channel_number: fn(usize) -> String,
    /// It has one of the lowest SQNR.
    pub among_worst: &'static str,
    /// The axis.
    pub output_channel: &'static str,
    /// The bars' name, for the keyboard.
    pub pick_channel: &'static str,
    /// The heading.
    pub causes: &'static str,
    /// The weights' two causes.
    pub causes_of_weights: &'static str,
    /// The input's two causes.
    pub causes_of_input: &'static str,
    /// Shares of rounding and clipping.
    pub split: fn(&str, &str) -> String,
    /// What they are.
    pub split_meaning: &'static str,
    /// Both as numbers: rounding, clipping, n.
    pub split_numbers: fn(&str, &str, &str) -> String,
    /// The share of a constant.
    pub mean_shift: &'static str,
    /// What that is.
    pub mean_shift_meaning: &'static str,
    /// MSE and n.
    pub errors_numbers: fn(&str, &str) -> String,
    /// What earlier layers did.
    pub before: &'static str,
    /// What that is.
    pub before_meaning: &'static str,
    /// Local and cumulative MSE and n.
    pub before_numbers: fn(&str, &str, &str) -> String,
    /// The table's heading.
    pub errors_title: &'static str,
    /// The first column.
    pub error_head: &'static str,
    /// The three errors.
    pub errors: [&'static str; 3],
    /// What each compares.
    pub error_meanings: [&'static str; 3],
    /// The measures.
    pub measures: [&'static str; 5],
    /// What each is, for a float value a and its counterpart b, e = b − a.
    pub measure_meanings: [&'static str; 5],
    /// The chart of all layers.
    pub noise: &'static str,
    /// What the two areas are.
    pub noise_aside: &'static str,
    /// The chart in a sentence.
    pub noise_summary: &'static str,
    /// Column heads.
    pub noise_heads: [&'static str; 4],
    /// Noise in the network.
    pub noise_arrived: fn(&str) -> String,
    /// Noise of the layer.
    pub noise_added: fn(&str) -> String,
    /// The layers' name, for the keyboard.
    pub pick_layer: &'static str,
    /// The map of a channel.
    pub weight_map: fn(u32) -> String,
    /// How to read it.
    pub weight_map_aside: &'static str,
    /// The map in a sentence.
    pub weight_map_summary: fn(usize) -> String,
    /// Column heads.
    pub weight_heads: [&'static str; 5],
    /// A weight: place and value.
    pub weight_at: fn(&str, &str) -> String,
    /// Its error.
    pub weight_error: fn(&str) -> String,
    /// It has no code.
    pub kept_in_float: &'static str,
    /// There is no error to divide.
    pub no_error: &'static str,
    /// The calibration samples are still to run.
    pub waiting: &'static str,
    /// The weights' name, for the keyboard.
    pub pick_weight: &'static str,
}

/// English.
pub const ENGLISH: Words = Words {
    title: "Selected layer",
    loading: "Loading the model…",
    weights: "Weights",
    input: "Input",
    tensors: "Tensor",
    float: "float",
    quantized: "quantized",
    quantized_levels: |n| format!("quantized, {n} levels"),
    levels: "levels",
    reset: "Reset layer",
    look_into: "Tensors",
    reset_hint: "take back every setting of this layer alone, so that the base holds again",
    stride: |strides| format!(", stride {strides}"),
    depthwise: |channels| format!(", depthwise, {channels} channels"),
    channels_in_out: |inputs, outputs| format!(", {inputs} → {outputs}"),
    weight_count: |n| format!(" · {n} weights"),
    controls_of_weights: "How the weights are quantized",
    controls_of_input: "How the input is quantized",
    format: "Format",
    format_hint: "which codes exist: bits, sign, and where zero lies among them",
    schemes: ["symmetric", "symmetric, full range", "asymmetric", "unsigned", "unsigned, zero point 0"],
    keep_in_float: "keep in float",
    granularity: "Granularity",
    granularity_hint: "which values share one scale: all, those of an output channel, or runs of a channel's weights",
    granularity_name: |granularity| match granularity {
        Granularity::Tensor => "per tensor".to_owned(),
        Granularity::Channel => "per channel".to_owned(),
        Granularity::Group(size) => format!("groups of {size}"),
    },
    range_method: "Range method",
    methods: ["min-max", "moving average", "percentile", "MSE", "entropy", "entropy (ORT)", "ACIQ"],
    method_hints: [
        "range: the smallest and the largest value; nothing is clipped",
        "range: min and max of each batch, averaged with this weight on the past; of weights the same as min-max",
        "range: this many percent of the values lie inside",
        "range: the one with the least Σ|x̂ − x|ᵖ among shrunken min-max ranges",
        "range: least KL divergence between the histograms before and after, as TensorRT does it",
        "range: the same as ONNX Runtime's calibrator does it",
        "range: the optimum for a Gauss or Laplace distribution, by formula (Banner et al. 2019)",
    ],
    parameters: [
        "",
        "weight on the past, 0–1",
        "percent of the values inside",
        "power p of the error",
        "",
        "",
        "",
    ],
    differs: |asked, done, why| format!("asked for {asked}, done {done}: {why}"),
    weights_histogram: "Histogram of the weights",
    input_histogram: "Histogram of the input",
    input_in_float: "Kept in float, and not observed: nothing asks for the calibration samples.",
    not_observed: "Not observed yet: the calibration samples are still to run.",
    histogram_summary: |name, n, low, high, below, above| {
        format!(
            "{name}: {n} values from {low} to {high}; {below} clipped below, {above} above. A bar is as high as its count for the width of a float bin, so equal areas are equal counts"
        )
    },
    histogram_heads: ["values", "from", "to", "code", "count"],
    bars: "Bars of the histogram: arrow keys",
    axis_count: "count per bin",
    axis_log_count: "count per bin, log(1 + n)",
    clipped: |n| format!("{n} clipped"),
    of_values: |n, share| format!("{n} values, {share}"),
    from_to: |low, high| format!("{low} to {high}"),
    code: |code, value| format!("code {code} is {value}"),
    grid: |name, scale, zero| format!("scale {name} = {scale}, zero point z = {zero}"),
    many_grids: "each channel or group has its own scale: choose one channel to see its levels",
    n_weights_meaning: "the number of weights shown: of the layer, or of the chosen channel",
    n_input_meaning: "the number of values that reached this layer over the calibration samples; errors are those of a sample of up to 65,536 of them",
    range: "range",
    range_meaning: "the smallest and the largest float value",
    grid_name: "grid",
    grid_meaning: "a code q stands for the value x̂ = Δ·(q − z): Δ is the scale, the distance of two levels; z is the zero point, the code of 0. The binary format ±Δ is the grid with scale 2Δ and zero point ½",
    outliers: "outliers",
    outliers_meaning: "float values beyond the clip lines of their grid, by more than half a step from the outermost level, and values outside the bins drawn; with their share of n",
    clip_line: ["Lower clip line", "Upper clip line"],
    clip_at: |value, share| format!("{value}, {share} of the range found"),
    clip_hint: "drag, or arrow keys (shift: larger steps); double-click or Home goes back to the range found",
    log: "log",
    log_hint: "counts as log(1 + n), so that single values stay in sight",
    channels_shown: "Channels shown",
    all_channels: "all channels",
    one_channel: |channel| format!("channel {channel}"),
    channel_ranges: "Channel ranges",
    channels_summary: |n, worst| {
        let worst = if worst.is_empty() {
            String::new()
        } else {
            format!("; lowest SQNR: channels {worst}, marked by triangles")
        };
        format!(
            "{n} output channels: the light bar is the range of the float values, the dark bar that of the levels in use{worst}; activate one to narrow the histogram to it"
        )
    },
    channel_heads: ["output channel", "float min", "float max", "level min", "level max", "SQNR, dB"],
    channel_number: |channel| format!("output channel {channel}"),
    among_worst: "among the lowest SQNR of the layer",
    output_channel: "output channel",
    pick_channel: "Output channels: arrow keys; Enter shows one alone",
    causes: "Where the error comes from",
    causes_of_weights: "weights",
    causes_of_input: "input",
    split: |rounding, clipping| format!("rounding {rounding}, clipping {clipping}"),
    split_meaning: "Σe² of the values inside the clip lines (rounding: more bits help) against Σe² of those beyond (clipping: a wider range helps)",
    split_numbers: |rounding, clipping, n| {
        format!("Mean squares: rounding {rounding}, clipping {clipping}; n = {n}")
    },
    mean_shift: "output: mean shift",
    mean_shift_meaning: "the share of Σe² at this layer's output, its input taken from the float network, that a constant for each output channel removes: bias correction repairs it",
    errors_numbers: |mse, n| format!("MSE {mse}, n = {n}"),
    before: "output: arrives from before",
    before_meaning: "max(0, 1 − MSE of this layer alone / MSE in the quantized network), both at this layer's output: the share of the noise that better bits here would not remove",
    before_numbers: |local, cumulative, n| format!("MSE alone {local}, in the network {cumulative}; n = {n}"),
    errors_title: "Errors of this layer",
    error_head: "error",
    errors: ["weights", "output, alone", "output, in network"],
    error_meanings: [
        "quantized weights against float weights",
        "this layer's output, its input from the float network and quantized by this layer alone, against the float output: what its own quantizers do (local error)",
        "this layer's output in the quantized network against the float output: what has come together until here (cumulative error)",
    ],
    measures: ["MSE", "SQNR dB", "cosine", "max |e|", "n"],
    measure_meanings: [
        "mean squared error Σe²/n, with e = quantized − float; in the values' own unit squared; lower is better",
        "signal to quantization noise, 10·log₁₀(Σa²/Σe²), in decibel; higher is better",
        "cosine similarity Σab/√(Σa²·Σb²); 1 is best",
        "the largest magnitude of the error, in the values' own unit; lower is better",
        "how many values were compared",
    ],
    noise: "Noise through the network",
    noise_aside: "each layer: what arrives, what it adds",
    noise_summary: "noise for signal, Σe²/Σy², at each layer's output: the light area in the quantized network, the dark area from this layer alone; lower is better; activate a layer to look at it",
    noise_heads: ["layer", "in the network, Σe²/Σy²", "this layer alone, Σe²/Σy²", "n"],
    noise_arrived: |share| format!("in the quantized network {share} of the signal"),
    noise_added: |share| format!("this layer alone {share}"),
    pick_layer: "Layers: arrow keys; Enter looks at one",
    weight_map: |channel| format!("Weights of output channel {channel}"),
    weight_map_aside: "filled +, outlined −, number: code",
    weight_map_summary: |n| {
        format!(
            "{n} weights of one output channel, a tile for each input channel; stronger is larger in magnitude"
        )
    },
    weight_heads: ["place", "float", "code", "x̂", "x̂ − x"],
    weight_at: |place, value| format!("weight [{place}] is {value}"),
    weight_error: |error| format!("error x̂ − x = {error}"),
    kept_in_float: "kept in float",
    no_error: "no error",
    waiting: "not observed yet",
    pick_weight: "Weights of the channel: arrow keys",
};

/// Chinese.
pub const CHINESE: Words = Words {
    title: "所选层",
    loading: "正在加载模型…",
    weights: "权重",
    input: "输入",
    tensors: "张量",
    float: "浮点",
    quantized: "量化",
    quantized_levels: |n| format!("量化，{n} 个电平"),
    levels: "电平",
    reset: "重置此层",
    look_into: "张量",
    reset_hint: "撤销仅针对此层的所有设置，恢复为基础设置",
    stride: |strides| format!("，步幅 {strides}"),
    depthwise: |channels| format!("，逐通道，{channels} 通道"),
    channels_in_out: |inputs, outputs| format!("，{inputs} → {outputs}"),
    weight_count: |n| format!(" · {n} 个权重"),
    controls_of_weights: "权重的量化方式",
    controls_of_input: "输入的量化方式",
    format: "格式",
    format_hint: "有哪些编码：位数、符号，以及零的位置",
    schemes: ["对称", "对称，全范围", "非对称", "无符号", "无符号，零点为 0"],
    keep_in_float: "保持浮点",
    granularity: "粒度",
    granularity_hint: "哪些值共用一个缩放因子：全部、同一输出通道，或通道内连续若干权重",
    granularity_name: |granularity| match granularity {
        Granularity::Tensor => "逐张量".to_owned(),
        Granularity::Channel => "逐通道".to_owned(),
        Granularity::Group(size) => format!("每组 {size} 个"),
    },
    range_method: "范围方法",
    methods: ["最小-最大", "移动平均", "百分位", "MSE", "熵", "熵 (ORT)", "ACIQ"],
    method_hints: [
        "范围：最小值与最大值；不截断",
        "范围：各批最小值与最大值，以此权重对过去取平均；对权重等同于最小-最大",
        "范围：百分之多少的值在其中",
        "范围：在缩小的最小-最大范围中取 Σ|x̂ − x|ᵖ 最小者",
        "范围：量化前后直方图的 KL 散度最小（TensorRT 方式）",
        "范围：同上，ONNX Runtime 校准器的方式",
        "范围：高斯或拉普拉斯分布下的解析最优（Banner 等 2019）",
    ],
    parameters: ["", "过去的权重，0–1", "范围内值的百分比", "误差的幂 p", "", "", ""],
    differs: |asked, done, why| format!("要求 {asked}，实际 {done}：{why}"),
    weights_histogram: "权重直方图",
    input_histogram: "输入直方图",
    input_in_float: "保持浮点，未观测：没有设置需要校准样本。",
    not_observed: "尚未观测：校准样本还未运行。",
    histogram_summary: |name, n, low, high, below, above| {
        format!(
            "{name}：{n} 个值，从 {low} 到 {high}；下方截断 {below} 个，上方 {above} 个。柱高为每个浮点区间宽度的计数，面积相等即数量相等"
        )
    },
    histogram_heads: ["值", "从", "到", "编码", "计数"],
    bars: "直方图的柱：方向键",
    axis_count: "每区间计数",
    axis_log_count: "每区间计数，log(1 + n)",
    clipped: |n| format!("截断 {n}"),
    of_values: |n, share| format!("{n} 个值，{share}"),
    from_to: |low, high| format!("{low} 到 {high}"),
    code: |code, value| format!("编码 {code} 为 {value}"),
    grid: |name, scale, zero| format!("缩放因子 {name} = {scale}，零点 z = {zero}"),
    many_grids: "每个通道或组有自己的缩放因子：选择一个通道以查看其电平",
    n_weights_meaning: "所示权重的个数：整层，或所选通道",
    n_input_meaning: "校准样本中到达此层的值的个数；误差取自其中至多 65,536 个值",
    range: "范围",
    range_meaning: "最小与最大的浮点值",
    grid_name: "网格",
    grid_meaning: "编码 q 表示值 x̂ = Δ·(q − z)：Δ 为缩放因子，即相邻电平的距离；z 为零点，即 0 的编码。二值格式 ±Δ 是缩放因子 2Δ、零点 ½ 的网格",
    outliers: "离群值",
    outliers_meaning: "超出其网格截断线（离最外电平超过半步）的浮点值，以及所绘区间之外的值；括号内为占 n 的比例",
    clip_line: ["下截断线", "上截断线"],
    clip_at: |value, share| format!("{value}，为所得范围的 {share}"),
    clip_hint: "拖动，或方向键（shift：大步）；双击或 Home 恢复所得范围",
    log: "对数",
    log_hint: "计数按 log(1 + n) 显示，单个值也可见",
    channels_shown: "显示的通道",
    all_channels: "所有通道",
    one_channel: |channel| format!("通道 {channel}"),
    channel_ranges: "通道范围",
    channels_summary: |n, worst| {
        let worst = if worst.is_empty() {
            String::new()
        } else {
            format!("；SQNR 最低的通道 {worst} 以三角标出")
        };
        format!("{n} 个输出通道：浅色为浮点值范围，深色为所用电平的范围{worst}；激活一个可只看该通道")
    },
    channel_heads: ["输出通道", "浮点最小", "浮点最大", "电平最小", "电平最大", "SQNR，dB"],
    channel_number: |channel| format!("输出通道 {channel}"),
    among_worst: "此层 SQNR 最低者之一",
    output_channel: "输出通道",
    pick_channel: "输出通道：方向键；Enter 只显示该通道",
    causes: "误差的来源",
    causes_of_weights: "权重",
    causes_of_input: "输入",
    split: |rounding, clipping| format!("舍入 {rounding}，截断 {clipping}"),
    split_meaning: "截断线内各值的 Σe²（舍入：增加位数有效）与线外各值的 Σe²（截断：放宽范围有效）",
    split_numbers: |rounding, clipping, n| format!("均方：舍入 {rounding}，截断 {clipping}；n = {n}"),
    mean_shift: "输出：均值偏移",
    mean_shift_meaning: "此层输出（输入取自浮点网络）的 Σe² 中，每个输出通道加一个常数即可消除的比例：偏置校正可修复",
    errors_numbers: |mse, n| format!("MSE {mse}，n = {n}"),
    before: "输出：来自之前的层",
    before_meaning: "max(0, 1 − 仅此层的 MSE / 量化网络中的 MSE)，均在此层输出处：在此增加位数也不能消除的噪声比例",
    before_numbers: |local, cumulative, n| format!("MSE：仅此层 {local}，网络中 {cumulative}；n = {n}"),
    errors_title: "此层的误差",
    error_head: "误差",
    errors: ["权重", "输出，仅此层", "输出，网络中"],
    error_meanings: [
        "量化权重与浮点权重相比",
        "此层输出与浮点输出相比，其输入取自浮点网络、仅由此层量化：其自身量化器的作用（局部误差）",
        "量化网络中此层输出与浮点输出相比：至此累积的误差（累积误差）",
    ],
    measures: ["MSE", "SQNR dB", "余弦", "max |e|", "n"],
    measure_meanings: [
        "均方误差 Σe²/n，e = 量化 − 浮点；单位为值的平方；越低越好",
        "信号与量化噪声之比 10·log₁₀(Σa²/Σe²)，分贝；越高越好",
        "余弦相似度 Σab/√(Σa²·Σb²)；1 最好",
        "误差绝对值的最大值，与值同单位；越低越好",
        "比较的值的个数",
    ],
    noise: "噪声在网络中的传播",
    noise_aside: "每层：到达的与自身添加的",
    noise_summary: "各层输出的噪信比 Σe²/Σy²：浅色为量化网络中，深色为仅此层；越低越好；激活一层即可查看",
    noise_heads: ["层", "网络中，Σe²/Σy²", "仅此层，Σe²/Σy²", "n"],
    noise_arrived: |share| format!("量化网络中为信号的 {share}"),
    noise_added: |share| format!("仅此层 {share}"),
    pick_layer: "层：方向键；Enter 查看该层",
    weight_map: |channel| format!("输出通道 {channel} 的权重"),
    weight_map_aside: "实心为正，空心为负，数字为编码",
    weight_map_summary: |n| format!("一个输出通道的 {n} 个权重，每个输入通道一块；颜色越深，绝对值越大"),
    weight_heads: ["位置", "浮点", "编码", "x̂", "x̂ − x"],
    weight_at: |place, value| format!("权重 [{place}] 为 {value}"),
    weight_error: |error| format!("误差 x̂ − x = {error}"),
    kept_in_float: "保持浮点",
    no_error: "无误差",
    waiting: "尚未观测",
    pick_weight: "通道的权重：方向键",
};
