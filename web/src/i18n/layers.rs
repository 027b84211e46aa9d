//! The panel of layers.

/// The words.
pub struct Words {
    /// The panel's name.
    pub title: &'static str,
    /// How many layers are quantized, how many kept in float.
    pub summary: fn(usize, usize) -> String,
    /// Column heads.
    pub layer: &'static str,
    /// The bits of weights.
    pub weights: &'static str,
    /// The bits of the input.
    pub input: &'static str,
    /// The share of the model's size.
    pub size: &'static str,
    /// What the share is of.
    pub size_hint: &'static str,
    /// The error column.
    pub error: &'static str,
    /// What the error is.
    pub error_hint: &'static str,
    /// Both errors of a layer in one line, in dB.
    pub errors_of: fn(&str, &str, &str) -> String,
    /// Kept in float.
    pub float: &'static str,
    /// The name of a strip.
    pub bits_of_weights: fn(&str) -> String,
    /// The name of a strip.
    pub bits_of_input: fn(&str) -> String,
    /// How to use a strip.
    pub strip_hint: &'static str,
    /// Opens the dialog that sets many.
    pub set_many: &'static str,
    /// The field that narrows the table.
    pub filter: &'static str,
    /// What was applied differs from what was asked.
    pub differs: fn(&str, &str) -> String,
    /// Nothing matches.
    pub none: &'static str,
    /// Before a model is there.
    pub loading: &'static str,
    /// The compact graph.
    pub graph: &'static str,
    /// How many nodes.
    pub nodes: fn(usize) -> String,
}

/// English.
pub const ENGLISH: Words = Words {
    title: "Layers",
    summary: |quantized, float| match float {
        0 => format!("{quantized} quantized"),
        _ => format!("{quantized} quantized, {float} in float"),
    },
    layer: "layer",
    weights: "weights",
    input: "input",
    size: "size",
    size_hint: "share of the quantized model's size, with scales and zero points",
    error: "SQNR dB",
    error_hint: "signal to quantization noise at the layer's output in the quantized network, 10·log₁₀(Σy²/Σe²); higher is better",
    errors_of: |weight, local, cumulative| {
        format!(
            "weights {weight} dB · this layer alone {local} dB · in the quantized network {cumulative} dB"
        )
    },
    float: "float",
    bits_of_weights: |layer| format!("bits of the weights of {layer}"),
    bits_of_input: |layer| format!("bits of the input of {layer}"),
    strip_hint: "drag, arrow keys, or type 1–8; f keeps it in float",
    set_many: "Set many…",
    filter: "filter layers, * for any",
    differs: |asked, reason| format!("asked for {asked}: {reason}"),
    none: "no layer matches",
    loading: "Loading the model…",
    graph: "Graph",
    nodes: |n| format!("{n} nodes after folding"),
};

/// Chinese.
pub const CHINESE: Words = Words {
    title: "层",
    summary: |quantized, float| match float {
        0 => format!("{quantized} 层已量化"),
        _ => format!("{quantized} 层已量化，{float} 层保持浮点"),
    },
    layer: "层",
    weights: "权重",
    input: "输入",
    size: "大小",
    size_hint: "占量化模型大小的比例，含缩放因子与零点",
    error: "SQNR dB",
    error_hint: "量化网络中该层输出的信号与量化噪声之比，10·log₁₀(Σy²/Σe²)；越高越好",
    errors_of: |weight, local, cumulative| {
        format!("权重 {weight} dB · 仅此层 {local} dB · 在量化网络中 {cumulative} dB")
    },
    float: "浮点",
    bits_of_weights: |layer| format!("{layer} 权重的位数"),
    bits_of_input: |layer| format!("{layer} 输入的位数"),
    strip_hint: "拖动、方向键，或键入 1–8；f 保持浮点",
    set_many: "批量设置…",
    filter: "筛选层，* 代表任意字符",
    differs: |asked, reason| format!("要求 {asked}：{reason}"),
    none: "没有匹配的层",
    loading: "正在加载模型…",
    graph: "计算图",
    nodes: |n| format!("折叠后 {n} 个节点"),
};
