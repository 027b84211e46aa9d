//! What can go wrong.

use fewbit_experiment::failure::Code;

/// The words.
pub struct Words {
    /// A heading for each kind of failure.
    pub heading: fn(Code) -> &'static str,
    /// Takes a message away.
    pub dismiss: &'static str,
    /// Starts the engine again.
    pub restart: &'static str,
    /// Starts the CPU engine.
    pub use_cpu: &'static str,
}

/// English.
pub const ENGLISH: Words = Words {
    heading: |code| match code {
        Code::UnreadableModel => "This file is not a model that Fewbit can read",
        Code::UnsupportedModel => "This model has operators that Fewbit cannot run",
        Code::UnreadableData => "This data cannot be used",
        Code::ArrangedData => "The data were arranged to fit the model",
        Code::ArrangedModel => "The model was read, not quite as its file says",
        Code::BadRecipe => "These settings cannot be applied",
        Code::BadLink => "This link cannot be read",
        Code::Engine => "The engine reported an error",
        Code::DeviceLost => "The GPU was lost",
        Code::WorkerLost => "The engine stopped and is started again",
        Code::Fetch => "A file could not be loaded",
        Code::Export => "The file says some of it in another way",
    },
    dismiss: "Dismiss",
    restart: "Start the engine again",
    use_cpu: "Use the CPU engine",
};

/// Chinese.
pub const CHINESE: Words = Words {
    heading: |code| match code {
        Code::UnreadableModel => "无法读取此文件中的模型",
        Code::UnsupportedModel => "此模型含有无法运行的算子",
        Code::UnreadableData => "无法使用此数据",
        Code::ArrangedData => "数据已按模型的要求重新排列",
        Code::ArrangedModel => "模型已读入，但与文件所写略有不同",
        Code::BadRecipe => "无法应用这些设置",
        Code::BadLink => "无法读取此链接",
        Code::Engine => "引擎报告了错误",
        Code::DeviceLost => "GPU 已丢失",
        Code::WorkerLost => "引擎已停止，正在重新启动",
        Code::Fetch => "无法加载文件",
        Code::Export => "文件中部分内容以其他方式表示",
    },
    dismiss: "关闭",
    restart: "重新启动引擎",
    use_cpu: "使用 CPU 引擎",
};
