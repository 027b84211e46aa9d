#![no_main]
//! Whatever the bytes, a tokenizer.json is read or refused, and one that is read makes tokens of any text.

use fewbit_data::tokenizer::Tokenizer;
use libfuzzer_sys::fuzz_target;

const TEXT: &str = "Hello,  world! 量化\n😀 naïve ﬁne 123 <s> ▁a Ġb";

fuzz_target!(|bytes: &[u8]| {
    if let Ok(tokenizer) = Tokenizer::from_json(bytes)
        && let Ok(tokens) = tokenizer.encode(TEXT)
    {
        drop(tokenizer.decode(&tokens));
    }
});
