//! The panel of the model: what does it cost me.

use fewbit_experiment::protocol::{ExportForm, Layers, ToolFile};

/// The words.
pub struct Words {
    /// The panel's name.
    pub title: &'static str,
    /// How many samples are behind the numbers: seen, of.
    pub samples: fn(&str, &str) -> String,
    /// Under the big number: low, high, float, all in percent.
    pub accuracy: fn(&str, &str, &str) -> String,
    /// What accuracy and interval are.
    pub accuracy_hint: &'static str,
    /// Instead of accuracy where there are no labels.
    pub agreement_big: &'static str,
    /// Size of the parameters.
    pub size: &'static str,
    /// What is counted.
    pub size_hint: &'static str,
    /// Effective bits.
    pub bits: &'static str,
    /// What is counted.
    pub bits_hint: &'static str,
    /// Agreement with float.
    pub agrees: &'static str,
    /// What that is.
    pub agrees_hint: &'static str,
    /// KL of outputs.
    pub kl: &'static str,
    /// What that is.
    pub kl_hint: &'static str,
    /// Perplexity of a language model.
    pub perplexity: &'static str,
    /// What that is.
    pub perplexity_hint: &'static str,
    /// Multiply-accumulates.
    pub macs: &'static str,
    /// What that is.
    pub macs_hint: &'static str,
    /// Bit operations.
    pub bit_operations: &'static str,
    /// What that is.
    pub bit_operations_hint: &'static str,
    /// The scatter.
    pub tried: &'static str,
    /// The scatter in a sentence: how many.
    pub tried_summary: fn(usize) -> String,
    /// In place of the points while there are none.
    pub tried_nothing: &'static str,
    /// Axis: size.
    pub axis_size: &'static str,
    /// Axis: accuracy.
    pub axis_accuracy: &'static str,
    /// The line of the float model: size.
    pub float_at: fn(&str) -> String,
    /// One point: bits, size, accuracy.
    pub point: fn(&str, &str, &str) -> String,
    /// Column heads of the scatter's table: size, bits, accuracy, agreement, KL.
    pub tried_heads: [&'static str; 5],
    /// The strip of samples.
    pub answers: &'static str,
    /// How many changed, of how many.
    pub answers_changed: fn(&str, &str) -> String,
    /// Nothing changed yet.
    pub answers_same: &'static str,
    /// A sample: label, float's answer, quantized answer.
    pub answer: fn(Option<&str>, &str, &str) -> String,
    /// The canvas to draw on.
    pub draw: &'static str,
    /// How to use it.
    pub draw_hint: &'static str,
    /// Takes the drawing away.
    pub clear: &'static str,
    /// The float model.
    pub float: &'static str,
    /// The quantized model.
    pub quantized: &'static str,
    /// Each layer alone.
    pub sweep: &'static str,
    /// What that is.
    pub sweep_hint: &'static str,
    /// Starts it.
    pub sweep_start: &'static str,
    /// Column heads: layer, only this one, all but this one.
    pub sweep_heads: [&'static str; 3],
    /// Writes a file of this form.
    pub export: fn(ExportForm) -> &'static str,
    /// Writing files.
    pub save: &'static str,
}

/// English.
pub const ENGLISH: Words = Words {
    title: "Model against float",
    samples: |seen, of| if seen == of { format!("n = {seen}") } else { format!("n = {seen} of {of}") },
    accuracy: |low, high, float| format!("accuracy, 95 % interval {low} – {high}; float {float}"),
    accuracy_hint: "right answers divided by test samples seen; the interval is Wilson's for that n",
    agreement_big: "agreement with float (this data has no labels)",
    size: "size",
    size_hint: "all parameters: codes, a 32-bit scale per block, zero points, biases at 32 bits; against 32-bit floats",
    bits: "bits per weight, all in",
    bits_hint: "bits of codes, scales and zero points divided by the number of quantizable weights",
    agrees: "agrees with float",
    agrees_hint: "samples on which the quantized and the float model give the same answer, right or wrong",
    kl: "KL of outputs",
    kl_hint: "mean over samples of Σ p·ln(p/q), p the float and q the quantized softmax, in nat; lower is better",
    perplexity: "Perplexity",
    perplexity_hint: "exp of the mean cross-entropy of the next token, quantized model (float model); n is tokens; lower is better",
    macs: "MACs",
    macs_hint: "multiply-accumulates for one sample",
    bit_operations: "bit operations",
    bit_operations_hint: "Σ MACs · bits of the weights · bits of the input, for one sample",
    tried: "Everything tried so far",
    tried_summary: |n| {
        format!(
            "{n} configurations by size (lower is better) and accuracy (higher is better); activate a point to return to it"
        )
    },
    tried_nothing: "each result becomes a point here",
    axis_size: "size, KB",
    axis_accuracy: "accuracy, %",
    float_at: |size| format!("float, {size}"),
    point: |bits, size, accuracy| format!("{bits} bits per weight, {size}, {accuracy}: return to it"),
    tried_heads: ["size, bytes", "bits per weight", "accuracy, %", "agreement, %", "KL, nat"],
    answers: "Answers that changed",
    answers_changed: |changed, n| format!("{changed} of {n}"),
    answers_same: "every answer is the same as in float",
    answer: |label, float, quantized| match label {
        Some(label) => format!("{label}: float says {float}, quantized says {quantized}"),
        None => format!("float says {float}, quantized says {quantized}"),
    },
    draw: "Draw your own",
    draw_hint: "draw with the pointer, or move with arrow keys and press space",
    clear: "Clear",
    float: "float",
    quantized: "quantized",
    sweep: "Each layer alone",
    sweep_hint: "KL of the outputs with only this layer quantized, and with all layers but this one, in nat; lower is better",
    sweep_start: "Measure",
    sweep_heads: ["layer", "only this, nat", "all but this, nat"],
    export: |form| match form {
        ExportForm::Onnx { layers: Layers::Float { .. } } => "ONNX, quantized",
        ExportForm::Onnx { .. } => "ONNX, integers",
        ExportForm::Safetensors => "Weights (safetensors)",
        ExportForm::Gguf => "GGUF",
        ExportForm::Page => "Report (HTML)",
        ExportForm::Report => "Report (JSON)",
        ExportForm::Tool(ToolFile::ModelExplorer) => "Model Explorer",
        ExportForm::Tool(ToolFile::Netron) => "Netron",
        ExportForm::Tool(ToolFile::NodesToExclude) => "nodes_to_exclude",
        ExportForm::Tool(ToolFile::TensorTypes) => "--tensor-type",
    },
    save: "Save",
};

/// Chinese.
pub const CHINESE: Words = Words {
    title: "模型与浮点对比",
    samples: |seen, of| if seen == of { format!("n = {seen}") } else { format!("n = {seen} / {of}") },
    accuracy: |low, high, float| format!("准确率，95 % 区间 {low} – {high}；浮点 {float}"),
    accuracy_hint: "正确回答数除以已测试样本数；区间为该 n 下的 Wilson 区间",
    agreement_big: "与浮点一致（此数据没有标签）",
    size: "大小",
    size_hint: "全部参数：编码、每块一个 32 位缩放因子、零点，偏置 32 位；与 32 位浮点相比",
    bits: "每权重总位数",
    bits_hint: "编码、缩放因子与零点的位数除以可量化权重个数",
    agrees: "与浮点一致",
    agrees_hint: "量化模型与浮点模型给出相同回答的样本（无论对错）",
    kl: "输出的 KL",
    kl_hint: "Σ p·ln(p/q) 在样本上的均值，p 为浮点 softmax，q 为量化 softmax，单位 nat；越低越好",
    perplexity: "困惑度",
    perplexity_hint: "下一个词元的平均交叉熵的指数，量化模型（浮点模型）；n 为词元数；越低越好",
    macs: "乘加数",
    macs_hint: "单个样本的乘加次数",
    bit_operations: "位运算数",
    bit_operations_hint: "Σ 乘加数 · 权重位数 · 输入位数，单个样本",
    tried: "已尝试的配置",
    tried_summary: |n| format!("{n} 个配置，按大小（越低越好）与准确率（越高越好）；激活一点即可返回"),
    tried_nothing: "每个结果都会成为这里的一个点",
    axis_size: "大小，KB",
    axis_accuracy: "准确率，%",
    float_at: |size| format!("浮点，{size}"),
    point: |bits, size, accuracy| format!("每权重 {bits} 位，{size}，{accuracy}：返回此配置"),
    tried_heads: ["大小，字节", "每权重位数", "准确率，%", "一致率，%", "KL，nat"],
    answers: "改变的回答",
    answers_changed: |changed, n| format!("{changed} / {n}"),
    answers_same: "所有回答都与浮点相同",
    answer: |label, float, quantized| match label {
        Some(label) => format!("{label}：浮点答 {float}，量化答 {quantized}"),
        None => format!("浮点答 {float}，量化答 {quantized}"),
    },
    draw: "自己画",
    draw_hint: "用指针绘制，或用方向键移动、空格落笔",
    clear: "清除",
    float: "浮点",
    quantized: "量化",
    sweep: "逐层单独量化",
    sweep_hint: "仅量化此层、以及量化除此层外所有层时输出的 KL，单位 nat；越低越好",
    sweep_start: "测量",
    sweep_heads: ["层", "仅此层，nat", "除此层，nat"],
    export: |form| match form {
        ExportForm::Onnx { layers: Layers::Float { .. } } => "ONNX（已量化）",
        ExportForm::Onnx { .. } => "ONNX（整数运算）",
        ExportForm::Safetensors => "权重 (safetensors)",
        ExportForm::Gguf => "GGUF",
        ExportForm::Page => "报告 (HTML)",
        ExportForm::Report => "报告 (JSON)",
        ExportForm::Tool(ToolFile::ModelExplorer) => "Model Explorer",
        ExportForm::Tool(ToolFile::Netron) => "Netron",
        ExportForm::Tool(ToolFile::NodesToExclude) => "nodes_to_exclude",
        ExportForm::Tool(ToolFile::TensorTypes) => "--tensor-type",
    },
    save: "保存",
};
