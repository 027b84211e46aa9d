//! The graph, and the facts of the model's file.

/// The words.
pub struct Words {
    /// Shows the tensors of the model's file, or of a layer.
    pub tensors: &'static str,
    /// The tab.
    pub tab: &'static str,
    /// How many nodes.
    pub nodes: fn(usize) -> String,
    /// The drawing.
    pub canvas: &'static str,
    /// How to get around in it by keyboard.
    pub keys: &'static str,
    /// The search field.
    pub search: &'static str,
    /// How to use it.
    pub search_hint: &'static str,
    /// Which hit of how many.
    pub found: fn(Option<usize>, usize) -> String,
    /// What boxes are coloured by.
    pub colour_by: &'static str,
    /// Kind, bits of weights, bits of input, three SQNRs, size, MACs.
    pub paints: [&'static str; 8],
    /// What the colours say then.
    pub meanings: [&'static str; 8],
    /// Kinds of operators.
    pub kinds: [&'static str; 6],
    /// The legend.
    pub legend: &'static str,
    /// The value is not known.
    pub unknown: &'static str,
    /// It has no such value.
    pub no_layer: &'static str,
    /// The values are of an older recipe.
    pub stale: &'static str,
    /// So many bits.
    pub bits: fn(u32) -> String,
    /// Opens all blocks.
    pub open_all: &'static str,
    /// Closes all blocks.
    pub close_all: &'static str,
    /// Opens a block.
    pub open: &'static str,
    /// Closes a block.
    pub close: &'static str,
    /// Zooms.
    pub smaller: &'static str,
    /// Zooms.
    pub larger: &'static str,
    /// Shows all.
    pub fit: &'static str,
    /// What the table is.
    pub table_hint: &'static str,
    /// Name, operator, inputs, shape.
    pub heads: [&'static str; 4],
    /// The panel of facts.
    pub facts: &'static str,
    /// Opset, producer, licence, IR version, inputs, outputs, parameters, MACs, float size, operators, description.
    pub fact_heads: [&'static str; 13],
    /// The lengths that the file leaves free.
    pub lengths: &'static str,
    /// The size of the quantized model.
    pub quantized_size: &'static str,
    /// The file names no licence.
    pub no_licence: &'static str,
    /// How many more properties the file has.
    pub metadata: fn(usize) -> String,
    /// How much was rewritten.
    pub rewrites: fn(usize) -> String,
    /// How many nodes cannot run.
    pub cannot_run: fn(usize) -> String,
    /// What to do about that.
    pub what_to_do: &'static str,
    /// The section of the selected node.
    pub selected: &'static str,
    /// A node's operator.
    pub operator: &'static str,
    /// A node's name in the file.
    pub name: &'static str,
    /// The shape of its output.
    pub output_shape: &'static str,
    /// What it reads.
    pub reads: &'static str,
    /// What reads it.
    pub read_by: &'static str,
    /// It reads the model's input.
    pub model_input: &'static str,
    /// No node reads it.
    pub model_output: &'static str,
    /// Its block.
    pub block: &'static str,
    /// Layers in a block.
    pub layers: &'static str,
    /// The shape of weights.
    pub weight_shape: &'static str,
    /// Parameters.
    pub parameters: &'static str,
    /// Multiply-accumulates.
    pub macs: &'static str,
    /// Size and share.
    pub size: &'static str,
    /// What was done to the weights.
    pub weights_done: &'static str,
    /// What was done to the input.
    pub input_done: &'static str,
    /// Why a node cannot run.
    pub cannot: &'static str,
    /// The nodes of a block.
    pub members: &'static str,
    /// Bits of the weights.
    pub weights: &'static str,
    /// Bits of the input.
    pub input: &'static str,
    /// What was done differs from what was asked: asked, why.
    pub differs: fn(&str, &str) -> String,
    /// Goes to the bench.
    pub to_bench: &'static str,
}

/// English.
pub const ENGLISH: Words = Words {
    tensors: "Look into its tensors",
    tab: "Graph",
    nodes: |n| if n == 1 { "1 node".to_owned() } else { format!("{n} nodes") },
    canvas: "Graph of the model",
    keys: "Arrow keys walk along edges, Shift with arrow keys moves the view, Enter selects a node or opens a block, c closes the block of a node, + and − zoom, 0 shows all, / searches, Escape leaves the node. The same graph is there as a table.",
    search: "name or operator",
    search_hint: "Enter goes to the next hit, Shift+Enter to the one before",
    found: |at, of| match (at, of) {
        (_, 0) => "none".to_owned(),
        (Some(at), of) => format!("{at} of {of}"),
        (None, of) => format!("{of} found"),
    },
    colour_by: "Colour",
    paints: [
        "Kind of operator",
        "Bits of weights",
        "Bits of input",
        "SQNR of weights",
        "SQNR, layer alone",
        "SQNR in the network",
        "Share of size",
        "Share of MACs",
    ],
    meanings: [
        "kind of operator",
        "bits of a weight; fewer are smaller and coarser; a block shows its fewest",
        "bits of an input value; fewer are coarser; a block shows its fewest",
        "weights, quantized against float, in dB; higher is better; a block shows its lowest",
        "output of a layer, it alone quantized, in dB; higher is better; a block shows its lowest",
        "output of a layer in the quantized network, in dB; higher is better; a block shows its lowest",
        "share of the quantized model's bytes; a block shows its sum",
        "share of the multiply-accumulates for one sample; a block shows its sum",
    ],
    kinds: [
        "multiplies by weights",
        "activation",
        "pools, reduces",
        "element by element",
        "moves data",
        "other",
    ],
    legend: "What the colours say",
    unknown: "not known yet",
    no_layer: "not a layer",
    stale: "out of date, being measured again",
    bits: |n| if n == 1 { "1 bit".to_owned() } else { format!("{n} bits") },
    open_all: "Open all",
    close_all: "Close all",
    open: "Open block",
    close: "Close block",
    smaller: "Smaller (−)",
    larger: "Larger (+)",
    fit: "Show all (0)",
    table_hint: "Every node with what it reads",
    heads: ["node", "operator", "reads", "output"],
    facts: "Facts",
    fact_heads: [
        "operator set",
        "producer",
        "licence",
        "IR version",
        "inputs",
        "outputs",
        "parameters",
        "multiply-accumulates",
        "size in float",
        "values of one sample",
        "time of one sample",
        "operators in the file",
        "description",
    ],
    lengths: "Lengths that the file leaves free",
    quantized_size: "size, quantized",
    no_licence: "the file names none",
    metadata: |n| format!("{n} more properties of the file"),
    rewrites: |n| format!("{n} rewrites before quantizing"),
    cannot_run: |n| if n == 1 { "1 node cannot run".to_owned() } else { format!("{n} nodes cannot run") },
    what_to_do: "The model can be looked at, not run. Export it again in evaluation mode with fixed sizes and operator set 13 or later, or without the part that needs these operators.",
    selected: "Selected node",
    operator: "operator",
    name: "in the file",
    output_shape: "output",
    reads: "reads",
    read_by: "read by",
    model_input: "the model's input",
    model_output: "no node: the model's output",
    block: "block",
    layers: "layers",
    weight_shape: "shape of weights",
    parameters: "parameters",
    macs: "multiply-accumulates",
    size: "size, share",
    weights_done: "weights, applied",
    input_done: "input, applied",
    cannot: "cannot run",
    members: "nodes",
    weights: "weights",
    input: "input",
    differs: |asked, why| format!("asked for {asked}: {why}"),
    to_bench: "Look at it on the bench",
};

/// Chinese.
pub const CHINESE: Words = Words {
    tensors: "查看其张量",
    tab: "计算图",
    nodes: |n| format!("{n} 个节点"),
    canvas: "模型的计算图",
    keys: "方向键沿边移动，Shift 加方向键移动视图，Enter 选择节点或展开块，c 收起节点所在的块，+ 与 − 缩放，0 显示全部，/ 搜索，Escape 离开节点。同一计算图也有表格形式。",
    search: "名称或算子",
    search_hint: "Enter 到下一个匹配，Shift+Enter 到上一个",
    found: |at, of| match (at, of) {
        (_, 0) => "无匹配".to_owned(),
        (Some(at), of) => format!("第 {at} 个，共 {of} 个"),
        (None, of) => format!("找到 {of} 个"),
    },
    colour_by: "着色",
    paints: [
        "算子类别",
        "权重位数",
        "输入位数",
        "权重 SQNR",
        "仅此层的 SQNR",
        "网络中的 SQNR",
        "大小占比",
        "乘加占比",
    ],
    meanings: [
        "算子类别",
        "每个权重的位数；越少越小也越粗；块显示其中最少者",
        "每个输入值的位数；越少越粗；块显示其中最少者",
        "量化权重与浮点权重相比，分贝；越高越好；块显示其中最低者",
        "仅量化此层时的输出，分贝；越高越好；块显示其中最低者",
        "量化网络中此层的输出，分贝；越高越好；块显示其中最低者",
        "占量化模型字节数的比例；块显示总和",
        "占单个样本乘加次数的比例；块显示总和",
    ],
    kinds: ["与权重相乘", "激活", "池化与归约", "逐元素", "搬移数据", "其他"],
    legend: "颜色的含义",
    unknown: "尚未知",
    no_layer: "不是层",
    stale: "已过时，正在重新测量",
    bits: |n| format!("{n} 位"),
    open_all: "全部展开",
    close_all: "全部收起",
    open: "展开块",
    close: "收起块",
    smaller: "缩小 (−)",
    larger: "放大 (+)",
    fit: "显示全部 (0)",
    table_hint: "每个节点及其读取的节点",
    heads: ["节点", "算子", "读取", "输出"],
    facts: "信息",
    fact_heads: [
        "算子集版本",
        "导出工具",
        "许可证",
        "IR 版本",
        "输入",
        "输出",
        "参数",
        "乘加次数",
        "浮点大小",
        "单个样本的中间值",
        "单个样本的用时",
        "文件中的算子",
        "说明",
    ],
    lengths: "文件未固定的长度",
    quantized_size: "量化后大小",
    no_licence: "文件未注明",
    metadata: |n| format!("文件的另外 {n} 项属性"),
    rewrites: |n| format!("量化前的 {n} 处改写"),
    cannot_run: |n| format!("{n} 个节点无法运行"),
    what_to_do: "此模型可以查看，但不能运行。请以评估模式、固定尺寸、算子集 13 或更高版本重新导出，或去掉需要这些算子的部分。",
    selected: "所选节点",
    operator: "算子",
    name: "文件中名称",
    output_shape: "输出",
    reads: "读取",
    read_by: "被读取",
    model_input: "模型的输入",
    model_output: "无节点：模型的输出",
    block: "块",
    layers: "层",
    weight_shape: "权重形状",
    parameters: "参数",
    macs: "乘加次数",
    size: "大小与占比",
    weights_done: "权重，实际",
    input_done: "输入，实际",
    cannot: "无法运行",
    members: "节点",
    weights: "权重",
    input: "输入",
    differs: |asked, why| format!("要求 {asked}：{why}"),
    to_bench: "在工作台上查看",
};
