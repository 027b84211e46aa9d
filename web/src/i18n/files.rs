//! The screen of files. Its words are a catalogue of their own, so that the app does not carry them.

use leptos::prelude::*;

use super::Locale;

/// The words.
pub struct Words {
    /// The panel of the files.
    pub file: &'static str,
    /// While files are opened.
    pub opening: &'static str,
    /// Without files.
    pub nothing: &'static str,
    /// Over what went wrong.
    pub failed: &'static str,
    /// What kind of file it is.
    pub format: &'static str,
    /// How large it is.
    pub bytes: &'static str,
    /// How many tensors there are.
    pub tensors: &'static str,
    /// How many values there are.
    pub parameters: &'static str,
    /// Bits of a value, over all tensors.
    pub bits_each: &'static str,
    /// What model it is.
    pub architecture: &'static str,
    /// Its licence.
    pub licence: &'static str,
    /// A file without one.
    pub no_licence: &'static str,
    /// How long opening took.
    pub opened_in: &'static str,
    /// A time.
    pub millis: fn(f64) -> String,
    /// What the file says of itself.
    pub metadata: fn(usize) -> String,
    /// Makes a model of the files.
    pub run: &'static str,
    /// What that does.
    pub run_hint: &'static str,
    /// While it is made.
    pub building: &'static str,
    /// Weights without what says how they are used.
    pub needs_config: &'static str,
    /// A model that does not fit; the most bytes that do.
    pub too_large: fn(&str) -> String,
    /// Searches among the tensors.
    pub search: &'static str,
    /// What the tensors are sorted by.
    pub order: &'static str,
    /// The orders.
    pub orders: [&'static str; 4],
    /// How many were found.
    pub found: fn(usize, usize) -> String,
    /// The panel of the tensor that is looked at.
    pub tensor: &'static str,
    /// Where none is chosen.
    pub choose: &'static str,
    /// A tensor of a type that is not read.
    pub unread: &'static str,
    /// Its shape.
    pub shape: &'static str,
    /// How it is stored.
    pub stored: &'static str,
    /// A type and its bits.
    pub stored_as: fn(&str, &str) -> String,
    /// Work under way.
    pub looking: &'static str,
    /// Stops it.
    pub cancel: &'static str,
    /// A definition.
    pub n_meaning: &'static str,
    /// A number.
    pub smallest: &'static str,
    /// Its definition.
    pub smallest_meaning: &'static str,
    /// A number.
    pub largest: &'static str,
    /// Its definition.
    pub largest_meaning: &'static str,
    /// A number.
    pub mean: &'static str,
    /// Its definition.
    pub mean_meaning: &'static str,
    /// A number.
    pub deviation: &'static str,
    /// Its definition.
    pub deviation_meaning: &'static str,
    /// A number.
    pub zeros: &'static str,
    /// Its definition.
    pub zeros_meaning: &'static str,
    /// A number.
    pub outliers: &'static str,
    /// Its definition.
    pub outliers_meaning: &'static str,
    /// A number.
    pub not_finite: &'static str,
    /// Its definition.
    pub not_finite_meaning: &'static str,
    /// Over the controls.
    pub quantize: &'static str,
    /// Grid or blocks.
    pub kind: &'static str,
    /// Codes on a grid.
    pub grid: &'static str,
    /// Blocks of ggml's.
    pub blocks: &'static str,
    /// Which blocks.
    pub block_type: &'static str,
    /// A number.
    pub effective: &'static str,
    /// Its definition.
    pub effective_meaning: &'static str,
    /// Its definition.
    pub bytes_meaning: &'static str,
    /// A number.
    pub clipped: &'static str,
    /// Its definition.
    pub clipped_meaning: &'static str,
    /// The chart.
    pub histogram: &'static str,
    /// In the legend.
    pub before: &'static str,
    /// In the legend.
    pub after: &'static str,
    /// A switch.
    pub log_counts: &'static str,
    /// Over the widest channels.
    pub widest: fn(&str) -> String,
    /// A column.
    pub channel: &'static str,
    /// A column.
    pub of_median: &'static str,
    /// What looking took.
    pub took: fn(f64, &str) -> String,
}

/// English.
pub static ENGLISH: Words = Words {
    file: "File",
    opening: "Opening…",
    nothing: "Drop a safetensors or GGUF file on the page, or open one. Only what is looked at is read; nothing is uploaded.",
    failed: "This cannot be read",
    format: "format",
    bytes: "size",
    tensors: "tensors",
    parameters: "parameters",
    bits_each: "bits per value",
    architecture: "architecture",
    licence: "licence",
    no_licence: "the file names none",
    opened_in: "opened in",
    millis: |millis| format!("{millis:.0} ms"),
    metadata: |n| format!("Metadata ({n})"),
    run: "Run this model",
    run_hint: "builds its network and puts it on the bench",
    building: "Building…",
    needs_config: "To run it as a model, open its config.json as well.",
    too_large: |most| {
        format!(
            "A page runs models of up to {most}. The tensors of this one can be looked into here; it runs from a terminal: fewbit eval."
        )
    },
    search: "Search tensors",
    order: "Sort by",
    orders: ["as in the file", "name", "largest first", "type"],
    found: |n, of| if n == of { format!("{n}") } else { format!("{n} of {of}") },
    tensor: "Tensor",
    choose: "Choose a tensor to look into it.",
    unread: "Values of this type are not read.",
    shape: "shape",
    stored: "stored as",
    stored_as: |kind, bits| format!("{kind}, {bits} bits per value"),
    looking: "Reading the tensor",
    cancel: "Stop",
    n_meaning: "the number of values",
    smallest: "smallest",
    smallest_meaning: "the smallest value; for a tensor that is stored quantized, of what its blocks stand for",
    largest: "largest",
    largest_meaning: "the largest value",
    mean: "mean",
    mean_meaning: "the mean of all finite values",
    deviation: "deviation",
    deviation_meaning: "the standard deviation σ of all finite values",
    zeros: "zeros",
    zeros_meaning: "values that are exactly 0",
    outliers: "outliers",
    outliers_meaning: "values more than 6 standard deviations from the mean; the histogram's bins end there",
    not_finite: "not finite",
    not_finite_meaning: "values that are NaN or infinite: a tensor with such cannot be quantized",
    quantize: "Quantize this tensor",
    kind: "Kind of quantization",
    grid: "integer grid",
    blocks: "ggml blocks",
    block_type: "Type of blocks",
    effective: "effective bits",
    effective_meaning: "bits that storing a value takes, with its share of scales (32 bits each) and zero points; lower is smaller",
    bytes_meaning: "what storing the tensor takes, with scales and zero points",
    clipped: "clipped",
    clipped_meaning: "values more than half a step beyond the outermost level of their grid",
    histogram: "Values",
    before: "in the file",
    after: "quantized",
    log_counts: "log counts",
    widest: |n| format!("Largest of {n} channels"),
    channel: "channel",
    of_median: "of the median",
    took: |millis, memory| format!("Read in {millis:.0} ms; the reader's memory peaked at {memory}"),
};

/// Chinese.
pub static CHINESE: Words = Words {
    file: "文件",
    opening: "正在打开…",
    nothing: "将 safetensors 或 GGUF 文件拖到页面上，或打开一个文件。只读取所查看的部分，不会上传任何内容。",
    failed: "无法读取",
    format: "格式",
    bytes: "大小",
    tensors: "张量",
    parameters: "参数",
    bits_each: "每值位数",
    architecture: "架构",
    licence: "许可证",
    no_licence: "文件未注明",
    opened_in: "打开用时",
    millis: |millis| format!("{millis:.0} 毫秒"),
    metadata: |n| format!("元数据（{n}）"),
    run: "运行此模型",
    run_hint: "构建其网络并放到工作台上",
    building: "正在构建…",
    needs_config: "要作为模型运行，请同时打开其 config.json。",
    too_large: |most| {
        format!("页面可运行不超过 {most} 的模型。可在此查看其张量；请在终端中运行：fewbit eval。")
    },
    search: "搜索张量",
    order: "排序",
    orders: ["按文件顺序", "按名称", "最大的在前", "按类型"],
    found: |n, of| if n == of { format!("{n}") } else { format!("{n} / {of}") },
    tensor: "张量",
    choose: "选择一个张量以查看。",
    unread: "不读取此类型的值。",
    shape: "形状",
    stored: "存储为",
    stored_as: |kind, bits| format!("{kind}，每值 {bits} 位"),
    looking: "正在读取张量",
    cancel: "停止",
    n_meaning: "值的个数",
    smallest: "最小",
    smallest_meaning: "最小值；若张量以量化形式存储，则为其块所表示的值",
    largest: "最大",
    largest_meaning: "最大值",
    mean: "均值",
    mean_meaning: "所有有限值的均值",
    deviation: "标准差",
    deviation_meaning: "所有有限值的标准差 σ",
    zeros: "零",
    zeros_meaning: "恰为 0 的值",
    outliers: "离群值",
    outliers_meaning: "距均值超过 6 个标准差的值；直方图的区间到此为止",
    not_finite: "非有限",
    not_finite_meaning: "NaN 或无穷大的值：含有它们的张量无法量化",
    quantize: "量化此张量",
    kind: "量化方式",
    grid: "整数网格",
    blocks: "ggml 块",
    block_type: "块类型",
    effective: "有效位数",
    effective_meaning: "存储一个值所需的位数，含其分摊的缩放因子（各 32 位）与零点；越低越小",
    bytes_meaning: "存储此张量所需空间，含缩放因子与零点",
    clipped: "截断",
    clipped_meaning: "超出其网格最外电平半步以上的值",
    histogram: "数值",
    before: "文件中",
    after: "量化后",
    log_counts: "对数计数",
    widest: |n| format!("{n} 个通道中范围最大的"),
    channel: "通道",
    of_median: "相对中位数",
    took: |millis, memory| format!("读取用时 {millis:.0} 毫秒；读取器的内存峰值为 {memory}"),
};

/// The words in the language that is set. Tracked: call it where the text is made.
pub fn words() -> &'static Words {
    match expect_context::<RwSignal<Locale>>().get() {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}
