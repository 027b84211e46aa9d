//! Header, footer, dialogs.

use fewbit_experiment::protocol::{Effort, EngineChoice, EngineInfo, EngineReason, Stage};

use crate::settings::Theme;
use crate::state::Speed;

/// The words.
pub struct Words {
    /// The screen of files.
    pub files: &'static str,
    /// The screen of data.
    pub data_tab: &'static str,
    /// What can be done there.
    pub data_hint: &'static str,
    /// The choice of a model.
    pub model: &'static str,
    /// How many parameters.
    pub parameters: fn(&str) -> String,
    /// Opens a file.
    pub open: &'static str,
    /// What can be opened.
    pub open_hint: &'static str,
    /// The address names a file.
    pub remote: &'static str,
    /// Whether to open this file from this address.
    pub remote_ask: fn(&str, &str) -> String,
    /// The file is elsewhere: why it is not fetched, and the way out.
    pub remote_foreign: fn(&str) -> String,
    /// Opens it.
    pub remote_open: &'static str,
    /// Does not.
    pub remote_leave: &'static str,
    /// Test samples, calibration samples, whether labelled.
    pub data: fn(&str, &str, bool) -> String,
    /// Calibration samples are test samples.
    pub calibration_from_test: &'static str,
    /// One step back.
    pub undo: &'static str,
    /// One step forward.
    pub redo: &'static str,
    /// Back to the default.
    pub reset: &'static str,
    /// The theme's button.
    pub theme: fn(Theme) -> &'static str,
    /// The map of keys.
    pub keys: &'static str,
    /// Copies the link.
    pub copy_link: &'static str,
    /// It was copied.
    pub copied: &'static str,
    /// Closes a dialog.
    pub close: &'static str,
    /// The engine.
    pub engine: &'static str,
    /// Before it is open.
    pub engine_opening: &'static str,
    /// The badge.
    pub engine_mark: fn(&EngineInfo) -> String,
    /// Which engine runs, on what.
    pub engine_runs: fn(bool, &str) -> String,
    /// Why.
    pub engine_reason: fn(&EngineReason) -> String,
    /// Starts another.
    pub engine_choice: fn(EngineChoice) -> &'static str,
    /// The self-test's heading: adapter, milliseconds.
    pub self_test: fn(&str, f64) -> String,
    /// A failure of the self-test that the address asks for.
    pub spoiled: &'static str,
    /// Column heads of the self-test.
    pub kernel: &'static str,
    /// Relative to the largest value.
    pub worst_error: &'static str,
    /// The tolerance.
    pub allowed: &'static str,
    /// Passed or failed.
    pub result: &'static str,
    /// Passed.
    pub passed: &'static str,
    /// Failed.
    pub failed: &'static str,
    /// Times the engine: samples in a run.
    pub time_engine: fn(u32) -> String,
    /// What came of it.
    pub speed: fn(&Speed) -> String,
    /// What is done to the model.
    pub pipeline: &'static str,
    /// Its steps: how many rewrites, which range method, which methods the pipeline has.
    pub steps: fn(usize, Option<&str>, &[String]) -> Vec<String>,
    /// What the engine did last.
    pub effort: fn(&Effort) -> String,
    /// Long work.
    pub stage: fn(Stage) -> &'static str,
    /// Stops it.
    pub cancel: &'static str,
    /// The map of keys.
    pub keys_title: &'static str,
    /// Its rows: keys, what they do.
    pub key_map: &'static [(&'static str, &'static str)],
    /// Sets many layers.
    pub set_many: &'static str,
    /// Which layers.
    pub pattern: &'static str,
    /// How many layers the pattern matches.
    pub matches: fn(usize) -> String,
    /// The format of the first and the last layer.
    pub edges: &'static str,
    /// How many calibration samples.
    pub calibration: &'static str,
    /// The seed.
    pub seed: &'static str,
    /// How a choice is written.
    pub grammar: &'static str,
    /// A text that is no number.
    pub no_number: fn(&str) -> String,
    /// Applies the form.
    pub apply: &'static str,
}

/// Whether the self-test failed because the address asked for it.
fn is_spoiled(info: &EngineInfo) -> bool {
    info.self_test.as_ref().is_some_and(|test| test.spoiled)
}

/// English.
pub const ENGLISH: Words = Words {
    files: "File",
    data_tab: "Data",
    data_hint: "Pictures, a table or a text of your own, beside the model",
    model: "model",
    parameters: |count| format!("{count} parameters"),
    open: "Open…",
    open_hint: "open your own ONNX model, or labelled data as npz (x: N×…, y: labels); or drop it anywhere",
    remote: "The address names a file",
    remote_ask: |name, address| {
        format!("Open {name} from {address}? It is read in this tab and goes nowhere else.")
    },
    remote_foreign: |address| {
        format!(
            "{address} lies on another server. This page fetches from its own alone, so that nothing can leave the tab: save the file and drop it here."
        )
    },
    remote_open: "Open it",
    remote_leave: "Leave it",
    data: |test, calibration, labelled| {
        let labels = if labelled { "" } else { " without labels" };
        format!("{test} test{labels} · {calibration} calibration")
    },
    calibration_from_test: "there is no calibration set beside this data: the first test samples serve",
    undo: "Undo (Ctrl+Z)",
    redo: "Redo (Ctrl+Shift+Z)",
    reset: "Reset to W8A8",
    theme: |theme| match theme {
        Theme::System => "Theme: as the system",
        Theme::Light => "Theme: light",
        Theme::Dark => "Theme: dark",
    },
    keys: "Keys (?)",
    copy_link: "Copy link",
    copied: "Copied",
    close: "Close",
    engine: "Engine",
    engine_opening: "Opening the engine",
    engine_mark: |info| match (info.gpu, &info.reason) {
        (true, EngineReason::Verified) => "WebGPU verified".to_owned(),
        (true, _) => "WebGPU".to_owned(),
        (false, EngineReason::SelfTestFailed(_)) if is_spoiled(info) => {
            "CPU: GPU test set to fail".to_owned()
        }
        (false, EngineReason::SelfTestFailed(_)) => "CPU: the GPU failed its test".to_owned(),
        (false, EngineReason::DeviceLost(_)) => "CPU: the GPU was lost".to_owned(),
        (false, _) => "CPU".to_owned(),
    },
    engine_runs: |gpu, device| format!("{} · {device}", if gpu { "WebGPU engine" } else { "CPU engine" }),
    engine_reason: |reason| match reason {
        EngineReason::Verified => {
            "This adapter agrees with the CPU engine on every kernel of the self-test.".to_owned()
        }
        EngineReason::AskedFor => "You asked for this engine.".to_owned(),
        EngineReason::NoAdapter(why) => format!(
            "There is no WebGPU adapter here ({why}). A current Chrome, Edge, Firefox or Safari on a machine with a GPU has one."
        ),
        EngineReason::SoftwareAdapter(name) => {
            format!("The adapter here, {name}, is a CPU in disguise: our CPU engine is the faster one.")
        }
        EngineReason::SelfTestFailed(what) => {
            format!("The adapter gave wrong numbers ({what}), so nothing is computed on it.")
        }
        EngineReason::DeviceLost(why) => format!("The GPU was lost ({why}); the work went on here."),
    },
    engine_choice: |choice| match choice {
        EngineChoice::Auto => "Choose for me",
        EngineChoice::Cpu => "Use the CPU",
        EngineChoice::Gpu => "Use WebGPU",
    },
    self_test: |adapter, millis| format!("Self-test of {adapter}, {millis:.0} ms"),
    spoiled: "This failure was asked for: the address has the fault switch ?selftest=. The results were spoiled on purpose, and say nothing about this adapter.",
    kernel: "kernel",
    worst_error: "worst relative error",
    allowed: "allowed",
    result: "result",
    passed: "passed",
    failed: "failed",
    time_engine: |batch| format!("Time {batch} samples in float"),
    speed: |s| {
        format!(
            "median {:.1} ms, least {:.1} ms of {} runs; first {:.1} ms",
            s.median_millis, s.min_millis, s.runs, s.first_millis
        )
    },
    pipeline: "Pipeline",
    steps: |rewrites, range, methods| {
        let mut steps = Vec::new();
        if rewrites > 0 {
            steps.push(format!("fold BatchNorm ({rewrites})"));
        }
        if let Some(range) = range {
            steps.push(format!("range: {range}"));
            if methods.is_empty() {
                steps.push("round to nearest".to_owned());
            }
        }
        steps.extend(methods.iter().cloned());
        steps
    },
    effort: |effort| format!("re-ran {} of {} nodes in {:.0} ms", effort.ran, effort.needed, effort.millis),
    stage: |stage| match stage {
        Stage::Engine => "Checking the engine",
        Stage::Reading => "Reading the model",
        Stage::Calibrating => "Calibrating",
        Stage::FloatAnswers => "Answers in float",
        Stage::LayerErrors => "Errors of layers",
        Stage::Answers => "Answers",
        Stage::Sweep => "Each layer alone",
        Stage::Timing => "Timing the engine",
        Stage::Writing => "Writing the file",
    },
    cancel: "Cancel",
    keys_title: "Keys",
    key_map: &[
        ("Tab", "to the next control"),
        ("← →", "on a bit strip: one bit fewer or more"),
        ("1 … 8", "on a bit strip: so many bits"),
        ("f", "on a bit strip: keep in float"),
        ("j / k", "next or previous layer"),
        ("Ctrl+Z", "undo"),
        ("Ctrl+Shift+Z", "redo"),
        ("Ctrl+O", "open a file"),
        ("t", "theme"),
        ("Esc", "cancel what is running; close a dialog"),
        ("?", "this map"),
    ],
    set_many: "Set many layers",
    pattern: "layers (* for any characters)",
    matches: |n| match n {
        0 => "no layer matches".to_owned(),
        1 => "1 layer matches".to_owned(),
        n => format!("{n} layers match"),
    },
    edges: "first and last layer (empty: as the others)",
    calibration: "calibration samples",
    seed: "seed",
    grammar: "float, or format@granularity:range*factor, like int4@channel, int3@group32:mse, uint8@tensor:percentile99.99. Formats: int or uint with 1–8 or 16 bits, -full, -asym, -sym. Ranges: minmax, ema0.9, percentile99.99, mse, mse2.4, entropy, entropy-ort, aciq.",
    no_number: |text| format!("`{text}` is no whole number"),
    apply: "Apply",
};

/// Chinese.
pub const CHINESE: Words = Words {
    files: "文件",
    data_tab: "数据",
    data_hint: "在模型旁使用您自己的图片、表格或文本",
    model: "模型",
    parameters: |count| format!("{count} 参数"),
    open: "打开…",
    open_hint: "打开自己的 ONNX 模型，或带标签的 npz 数据（x：N×…，y：标签）；也可拖放到页面任意处",
    remote: "地址中指定了一个文件",
    remote_ask: |name, address| format!("从 {address} 打开 {name}？文件只在此标签页中读取，不会发往别处。"),
    remote_foreign: |address| {
        format!(
            "{address} 位于另一台服务器。为保证数据不离开此标签页，本页只从自己的服务器读取文件：请先保存该文件，再拖放到此处。"
        )
    },
    remote_open: "打开",
    remote_leave: "不打开",
    data: |test, calibration, labelled| {
        let labels = if labelled { "" } else { "（无标签）" };
        format!("{test} 测试{labels} · {calibration} 校准")
    },
    calibration_from_test: "此数据没有校准集：使用前若干测试样本",
    undo: "撤销 (Ctrl+Z)",
    redo: "重做 (Ctrl+Shift+Z)",
    reset: "重置为 W8A8",
    theme: |theme| match theme {
        Theme::System => "主题：跟随系统",
        Theme::Light => "主题：浅色",
        Theme::Dark => "主题：深色",
    },
    keys: "快捷键 (?)",
    copy_link: "复制链接",
    copied: "已复制",
    close: "关闭",
    engine: "引擎",
    engine_opening: "正在启动引擎",
    engine_mark: |info| match (info.gpu, &info.reason) {
        (true, EngineReason::Verified) => "WebGPU 已验证".to_owned(),
        (true, _) => "WebGPU".to_owned(),
        (false, EngineReason::SelfTestFailed(_)) if is_spoiled(info) => "CPU：GPU 自检被设为失败".to_owned(),
        (false, EngineReason::SelfTestFailed(_)) => "CPU：GPU 未通过自检".to_owned(),
        (false, EngineReason::DeviceLost(_)) => "CPU：GPU 已丢失".to_owned(),
        (false, _) => "CPU".to_owned(),
    },
    engine_runs: |gpu, device| format!("{} · {device}", if gpu { "WebGPU 引擎" } else { "CPU 引擎" }),
    engine_reason: |reason| match reason {
        EngineReason::Verified => "此适配器在自检的每个内核上都与 CPU 引擎一致。".to_owned(),
        EngineReason::AskedFor => "由您指定。".to_owned(),
        EngineReason::NoAdapter(why) => format!(
            "此处没有 WebGPU 适配器（{why}）。带 GPU 的机器上的新版 Chrome、Edge、Firefox 或 Safari 均可提供。"
        ),
        EngineReason::SoftwareAdapter(name) => {
            format!("此处的适配器 {name} 实为 CPU 模拟：我们的 CPU 引擎更快。")
        }
        EngineReason::SelfTestFailed(what) => format!("适配器给出错误结果（{what}），因此不在其上计算。"),
        EngineReason::DeviceLost(why) => format!("GPU 已丢失（{why}）；工作在此继续。"),
    },
    engine_choice: |choice| match choice {
        EngineChoice::Auto => "自动选择",
        EngineChoice::Cpu => "使用 CPU",
        EngineChoice::Gpu => "使用 WebGPU",
    },
    self_test: |adapter, millis| format!("{adapter} 自检，{millis:.0} 毫秒"),
    spoiled: "此失败是人为指定的：地址中带有故障开关 ?selftest=。结果被有意破坏，与此适配器的好坏无关。",
    kernel: "内核",
    worst_error: "最大相对误差",
    allowed: "允许",
    result: "结果",
    passed: "通过",
    failed: "未通过",
    time_engine: |batch| format!("为 {batch} 个样本的浮点推理计时"),
    speed: |s| {
        format!(
            "{2} 次运行：中位数 {0:.1} 毫秒，最短 {1:.1} 毫秒；首次 {3:.1} 毫秒",
            s.median_millis, s.min_millis, s.runs, s.first_millis
        )
    },
    pipeline: "流程",
    steps: |rewrites, range, methods| {
        let mut steps = Vec::new();
        if rewrites > 0 {
            steps.push(format!("折叠 BatchNorm（{rewrites}）"));
        }
        if let Some(range) = range {
            steps.push(format!("范围：{range}"));
            if methods.is_empty() {
                steps.push("就近舍入".to_owned());
            }
        }
        steps.extend(methods.iter().cloned());
        steps
    },
    effort: |effort| format!("重算 {}/{} 个节点，{:.0} 毫秒", effort.ran, effort.needed, effort.millis),
    stage: |stage| match stage {
        Stage::Engine => "检查引擎",
        Stage::Reading => "读取模型",
        Stage::Calibrating => "校准",
        Stage::FloatAnswers => "浮点模型的回答",
        Stage::LayerErrors => "各层误差",
        Stage::Answers => "回答",
        Stage::Sweep => "逐层单独量化",
        Stage::Timing => "引擎计时",
        Stage::Writing => "写入文件",
    },
    cancel: "取消",
    keys_title: "快捷键",
    key_map: &[
        ("Tab", "到下一个控件"),
        ("← →", "在位数条上：减少或增加一位"),
        ("1 … 8", "在位数条上：设为该位数"),
        ("f", "在位数条上：保持浮点"),
        ("j / k", "下一层或上一层"),
        ("Ctrl+Z", "撤销"),
        ("Ctrl+Shift+Z", "重做"),
        ("Ctrl+O", "打开文件"),
        ("t", "主题"),
        ("Esc", "取消正在进行的工作；关闭对话框"),
        ("?", "本表"),
    ],
    set_many: "批量设置层",
    pattern: "层（* 代表任意字符）",
    matches: |n| match n {
        0 => "没有匹配的层".to_owned(),
        n => format!("匹配 {n} 层"),
    },
    edges: "首层与末层（留空：与其他层相同）",
    calibration: "校准样本数",
    seed: "随机种子",
    grammar: "float，或 格式@粒度:范围*系数，如 int4@channel、int3@group32:mse、uint8@tensor:percentile99.99。格式：int 或 uint，1–8 或 16 位，可加 -full、-asym、-sym。范围：minmax、ema0.9、percentile99.99、mse、mse2.4、entropy、entropy-ort、aciq。",
    no_number: |text| format!("“{text}” 不是整数"),
    apply: "应用",
};
