//! The screen of a person's own data. Its words are a catalogue of their own, so that the app does not carry them.

use leptos::prelude::*;

use super::Locale;

/// The words.
pub struct Words {
    /// The panel of the data.
    pub data: &'static str,
    /// Without files.
    pub nothing: &'static str,
    /// What can be opened: what it is called, and how it should look.
    pub help: [[&'static str; 2]; 3],
    /// Picks files.
    pub pick_files: &'static str,
    /// Picks a folder.
    pub pick_folder: &'static str,
    /// The model, and the shape that it takes.
    pub takes: fn(&str, &str) -> String,
    /// No model that runs.
    pub no_model: &'static str,
    /// Kinds of data: pictures, a table, text.
    pub kinds: [&'static str; 3],
    /// Files that are no data.
    pub no_kind: &'static str,
    /// How many files, and their bytes.
    pub files: fn(usize, &str) -> String,
    /// While it is found out how data are read.
    pub looking: &'static str,
    /// Over the controls.
    pub how: &'static str,
    /// What an empty control means.
    pub how_hint: &'static str,
    /// In a select: what is inferred.
    pub inferred: fn(&str) -> String,
    /// A control, and what it means.
    pub resize: [&'static str; 2],
    /// A control, and what it means.
    pub crop: [&'static str; 2],
    /// A control, and what it means.
    pub filter: [&'static str; 2],
    /// Nearest, bilinear, bicubic, Lanczos.
    pub filters: [&'static str; 4],
    /// A control, and what it means.
    pub colors: [&'static str; 2],
    /// Grey, RGB, BGR.
    pub color_names: [&'static str; 3],
    /// A control, and what it means.
    pub scale: [&'static str; 2],
    /// A control, and what it means.
    pub mean: [&'static str; 2],
    /// A control, and what it means.
    pub std: [&'static str; 2],
    /// A control, and what it means.
    pub samples: [&'static str; 2],
    /// How many are taken if nothing else is said.
    pub all: &'static str,
    /// A control, and what it means.
    pub delimiter: [&'static str; 2],
    /// The tab character.
    pub tab: &'static str,
    /// A control, and what it means.
    pub header: [&'static str; 2],
    /// An answer.
    pub yes: &'static str,
    /// An answer.
    pub no: &'static str,
    /// A control, and what it means.
    pub class: [&'static str; 2],
    /// No column.
    pub none: &'static str,
    /// A control, and what it means.
    pub values: [&'static str; 2],
    /// How many columns.
    pub columns: fn(usize) -> String,
    /// A control, and what it means.
    pub tokenizer: [&'static str; 2],
    /// Bytes, characters.
    pub tokenizers: [&'static str; 2],
    /// Picks a tokenizer's file.
    pub tokenizer_file: &'static str,
    /// A control, and what it means.
    pub stride: [&'static str; 2],
    /// What is wrong with a number.
    pub no_number: fn(&str) -> String,
    /// Over the sentences.
    pub notes: &'static str,
    /// The panel of the preview.
    pub preview: &'static str,
    /// What the preview of pictures shows.
    pub preview_pictures: &'static str,
    /// What the preview of a table shows.
    pub preview_table: &'static str,
    /// What the preview of a text shows.
    pub preview_text: &'static str,
    /// A picture's height and width in the file, and for the model.
    pub sizes: fn([usize; 2], [usize; 2]) -> String,
    /// A picture without a class.
    pub no_class: &'static str,
    /// Roles of a column: value, class, left out.
    pub roles: [&'static str; 3],
    /// Columns that are not shown.
    pub more_columns: fn(usize) -> String,
    /// Puts samples beside the model.
    pub use_them: &'static str,
    /// What that does.
    pub use_hint: &'static str,
    /// Saves them.
    pub save: &'static str,
    /// While they are read.
    pub reading: &'static str,
    /// Stops that.
    pub cancel: &'static str,
    /// Over what went wrong.
    pub failed: &'static str,
    /// How long looking took.
    pub took: fn(f64) -> String,
}

/// English.
pub static ENGLISH: Words = Words {
    data: "Your data",
    nothing: "Drop a folder of PNG and JPEG pictures, a CSV table or a text on the page, or open them here. They are read in this tab; nothing is uploaded.",
    help: [
        [
            "Pictures",
            "a folder of .png and .jpg files, with a folder inside for each class. A labels.csv (file, class), a labels.txt (the classes in order) and a preprocessor_config.json beside them are heeded.",
        ],
        [
            "A table",
            ".csv or .tsv: a line for each sample, its values in columns, and a column for its class.",
        ],
        [
            "Text",
            ".txt, for a language model. A tokenizer.json beside it says how tokens are made; else bytes or characters do.",
        ],
    ],
    pick_files: "Open files…",
    pick_folder: "Open a folder…",
    takes: |model, shape| format!("{model} takes {shape}"),
    no_model: "There is no model that runs, so nothing says how data should look. Open a model first.",
    kinds: ["pictures", "a table", "text"],
    no_kind: "There are no data among these files: .png and .jpg pictures, a .csv or .tsv, or a .txt are read.",
    files: |count, bytes| format!("{count} {}, {bytes}", if count == 1 { "file" } else { "files" }),
    looking: "Looking…",
    how: "How they are read",
    how_hint: "An empty field means what is inferred, which it shows in grey.",
    inferred: |what| format!("{what} (inferred)"),
    resize: [
        "resize",
        "The size before the crop: 256 for the shorter side, 28x28 for height and width, or none",
    ],
    crop: ["crop", "The part in the middle that is kept: 224, 224x192, or none"],
    filter: ["filter", "How pixels are interpolated where the size changes"],
    filters: ["nearest", "bilinear", "bicubic", "Lanczos"],
    colors: ["channels", "The channels that the model takes, in its order"],
    color_names: ["grey", "RGB", "BGR"],
    scale: ["scale", "What each value is multiplied by: a number or a fraction like 1/255"],
    mean: [
        "mean",
        "What is subtracted from scaled pixels: one number, or one for each channel with commas between",
    ],
    std: ["std", "What is divided by then: one number, or one for each channel with commas between"],
    samples: [
        "samples",
        "So many at most: pictures evenly from the list of their names, windows of text from the start",
    ],
    all: "all",
    delimiter: ["delimiter", "What stands between cells"],
    tab: "tab",
    header: ["names", "Whether the first line holds the columns' names"],
    yes: "in line 1",
    no: "none",
    class: ["class", "The column that holds each sample's class"],
    none: "none",
    values: [
        "values",
        "The columns of a sample's values, in order: names, or numbers from 1, with commas between",
    ],
    columns: |count| format!("{count} columns"),
    tokenizer: [
        "tokens",
        "How tokens are made of the text; their numbers must be those that the model was trained with",
    ],
    tokenizers: ["bytes", "characters"],
    tokenizer_file: "Tokenizer file…",
    stride: ["stride", "Tokens from the start of one window to that of the next"],
    no_number: |text| format!("`{text}` is no whole number above 0"),
    notes: "What was inferred",
    preview: "What the model gets",
    preview_pictures: "The first pictures, resized and cropped, before scale, mean and std; black is what lies outside.",
    preview_table: "The first lines, and what each column is.",
    preview_text: "The first tokens; each one's label is the next.",
    sizes: |[h, w], [height, width]| format!("{h}×{w} → {height}×{width}"),
    no_class: "no class",
    roles: ["value", "class", "left out"],
    more_columns: |count| format!("… {count} more"),
    use_them: "Put beside the model",
    use_hint: "They become the test data; calibration takes the first of them",
    save: "Save as .npz",
    reading: "Reading…",
    cancel: "Cancel",
    failed: "This cannot be used",
    took: |millis| format!("found out in {millis:.0} ms"),
};

/// Chinese.
pub static CHINESE: Words = Words {
    data: "您的数据",
    nothing: "将 PNG 和 JPEG 图片的文件夹、CSV 表格或文本拖放到页面上，或在此打开。数据只在本标签页中读取，不会上传。",
    help: [
        [
            "图片",
            "含 .png 和 .jpg 文件的文件夹，其中每个类别一个子文件夹。旁边的 labels.csv（文件，类别）、labels.txt（按顺序的类别）和 preprocessor_config.json 会被采用。",
        ],
        ["表格", ".csv 或 .tsv：每行一个样本，数值在各列中，另有一列为类别。"],
        ["文本", ".txt，用于语言模型。旁边的 tokenizer.json 说明如何切分词元；否则按字节或字符切分。"],
    ],
    pick_files: "打开文件…",
    pick_folder: "打开文件夹…",
    takes: |model, shape| format!("{model} 接受 {shape}"),
    no_model: "没有可运行的模型，因此无从得知数据应是什么样。请先打开一个模型。",
    kinds: ["图片", "表格", "文本"],
    no_kind: "这些文件中没有数据：可读取 .png 和 .jpg 图片、.csv 或 .tsv 表格、.txt 文本。",
    files: |count, bytes| format!("{count} 个文件，{bytes}"),
    looking: "正在查看…",
    how: "如何读取",
    how_hint: "留空表示采用推断值，以灰色显示。",
    inferred: |what| format!("{what}（推断）"),
    resize: ["缩放", "裁剪前的尺寸：256 表示短边，28x28 表示高和宽，none 表示不缩放"],
    crop: ["裁剪", "保留的中间部分：224、224x192 或 none"],
    filter: ["插值", "改变尺寸时像素的插值方式"],
    filters: ["最近邻", "双线性", "双三次", "Lanczos"],
    colors: ["通道", "模型接受的通道及其顺序"],
    color_names: ["灰度", "RGB", "BGR"],
    scale: ["比例", "每个值所乘的数：小数，或 1/255 这样的分数"],
    mean: ["均值", "从缩放后的像素中减去的数：一个数，或每个通道一个，以逗号分隔"],
    std: ["标准差", "随后所除的数：一个数，或每个通道一个，以逗号分隔"],
    samples: ["样本数", "至多取这么多：图片按名称列表均匀选取，文本窗口从头开始"],
    all: "全部",
    delimiter: ["分隔符", "单元格之间的字符"],
    tab: "制表符",
    header: ["列名", "第一行是否为列名"],
    yes: "在第 1 行",
    no: "无",
    class: ["类别", "存放每个样本类别的列"],
    none: "无",
    values: ["数值", "按顺序列出样本数值所在的列：列名或从 1 开始的序号，以逗号分隔"],
    columns: |count| format!("{count} 列"),
    tokenizer: ["词元", "文本如何切分为词元；其编号必须与模型训练时一致"],
    tokenizers: ["字节", "字符"],
    tokenizer_file: "分词器文件…",
    stride: ["步长", "相邻窗口起点之间的词元数"],
    no_number: |text| format!("`{text}` 不是大于 0 的整数"),
    notes: "推断结果",
    preview: "模型得到的内容",
    preview_pictures: "前几张图片，已缩放和裁剪，尚未应用比例、均值和标准差；图片之外为黑色。",
    preview_table: "前几行，以及每一列的用途。",
    preview_text: "前几个词元；每个词元的标签是下一个词元。",
    sizes: |[h, w], [height, width]| format!("{h}×{w} → {height}×{width}"),
    no_class: "无类别",
    roles: ["数值", "类别", "不使用"],
    more_columns: |count| format!("… 另有 {count} 列"),
    use_them: "放到模型旁",
    use_hint: "它们将成为测试数据；校准使用其中前若干个样本",
    save: "保存为 .npz",
    reading: "正在读取…",
    cancel: "取消",
    failed: "无法使用",
    took: |millis| format!("查看用时 {millis:.0} 毫秒"),
};

/// The words in the language that is set. Tracked: call it where the text is made.
pub fn words() -> &'static Words {
    match expect_context::<RwSignal<Locale>>().get() {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}
