//! The quantized weights as GGUF: the codes as they are, in the blocks of ggml that hold them.

use fewbit_formats::gguf::{Entry, Value, header, padding};
use fewbit_graph::{Source, Tensor};
use fewbit_numeric::ggml::BlockType;
use fewbit_numeric::{Granularity, Quantized};
use fewbit_quant::{Deployed, Recipe};

use super::{as_applied, run};
use crate::engine::{Bench, failure_of};
use crate::failure::{Code, Failure};

/// The values of a block.
const BLOCK: usize = 32;

/// The parameters as GGUF, and what is in it in another way than it was meant.
///
/// A weight whose codes ggml has a type for keeps its codes; its scales are rounded to binary16. Weights that are K×N become
/// N×K, as ggml multiplies. Everything else is F32. Grids of inputs are no part of it: ggml quantizes inputs when it runs.
pub(in crate::engine) fn gguf(bench: &Bench, recipe: &Recipe) -> Result<(Vec<u8>, Vec<String>), Failure> {
    let failed = |error: &dyn ToString| Failure::new(Code::Engine, error.to_string());
    let deployed = Deployed::new(&bench.prepared, bench.layers()).map_err(|error| failure_of(&error))?;
    let (mut entries, mut values) = (Vec::new(), Vec::new());
    let mut in_float = Vec::new();
    let layers = fewbit_graph::model::layers(&deployed.graph);
    let is_by_columns = |wire| layers.iter().any(|layer| layer.weight == wire && layer.channel_axis == 1);
    for (wire, parameter) in deployed.graph.wires() {
        let Source::Parameter(tensor) = &parameter.source else { continue };
        let name = parameter.name.clone();
        // Grids of inputs are parameters of quantizers.
        let reads = |node: &fewbit_graph::Node| node.inputs.iter().skip(1).any(|&input| input == wire);
        let of_quantizer = deployed
            .graph
            .nodes()
            .any(|(_, node)| matches!(node.op, fewbit_graph::Op::FakeQuantize { .. }) && reads(node));
        if of_quantizer {
            continue;
        }
        let stored = deployed.codes.get(&wire).map(|codes| blocks(tensor, codes));
        let (shape, kind, bytes) = match stored {
            Some(Ok(stored)) => stored,
            Some(Err(why)) => {
                in_float.push(format!("{name} ({why})"));
                plain(tensor, is_by_columns(wire))
            }
            None => plain(tensor, is_by_columns(wire)),
        };
        entries.push(Entry { name, shape, kind });
        values.push(bytes);
    }
    let text = |value: String| Value::String(value);
    let applied = serde_json::to_string(&as_applied(bench, recipe)).map_err(|error| failed(&error))?;
    let mut metadata = vec![
        ("general.architecture".to_owned(), text("fewbit".to_owned())),
        ("general.name".to_owned(), text(bench.prepared.facts.name.clone())),
        ("general.quantization_version".to_owned(), Value::U32(2)),
        ("fewbit.model".to_owned(), text(bench.prepared.facts.id.clone())),
        ("fewbit.recipe".to_owned(), text(applied)),
    ];
    metadata.extend(run(bench).map(|run| ("fewbit.run".to_owned(), text(run.to_owned()))));
    let mut file = header(&metadata, &entries).map_err(|error| failed(&error))?;
    for bytes in values {
        let filled = file.len() + bytes.len() + padding(bytes.len() as u64) as usize;
        file.extend(bytes);
        file.resize(filled, 0);
    }
    let mut notes = vec![
        "scales are rounded to 16 bits, and inputs are not quantized: GGUF has weights alone".to_owned(),
    ];
    if !in_float.is_empty() {
        notes.push(format!("in float: {}", in_float.join(", ")));
    }
    Ok((file, notes))
}

/// The values as they are; of a matrix K×N, if it is `by_columns`, N×K.
fn plain(tensor: &Tensor, by_columns: bool) -> (Vec<u64>, BlockType, Vec<u8>) {
    let kind = match tensor.dtype() {
        fewbit_graph::DType::F32 => BlockType::F32,
        fewbit_graph::DType::I64 => BlockType::I64,
    };
    if let (true, &[rows, columns], Ok(values)) = (by_columns, tensor.shape(), tensor.as_f32()) {
        let places = (0..columns).flat_map(|column| (0..rows).map(move |row| row * columns + column));
        let bytes = places.filter_map(|place| values.get(place)).flat_map(|x| x.to_le_bytes()).collect();
        return (vec![columns as u64, rows as u64], kind, bytes);
    }
    (tensor.shape().iter().map(|&n| n as u64).collect(), kind, tensor.to_bytes())
}

/// The shape, the type and the blocks of a weight; an error says why there are none.
fn blocks(tensor: &Tensor, codes: &Quantized) -> Result<(Vec<u64>, BlockType, Vec<u8>), String> {
    let layout = codes.layout;
    let kind = BlockType::of_codes(codes.format)
        .ok_or_else(|| format!("ggml has no type for {} codes", codes.format))?;
    let &[first, second] = tensor.shape() else { return Err("it has not two axes".to_owned()) };
    // Rows are output channels: as they are, or the columns of K×N.
    let (rows, columns, transposed) =
        if layout.outer() == 1 { (first, second, false) } else { (second, first, true) };
    if columns % BLOCK != 0 {
        return Err(format!("rows of {columns} are no whole number of blocks of {BLOCK}"));
    }
    if let Granularity::Group(size) = layout.granularity()
        && !(size as usize).is_multiple_of(BLOCK)
    {
        return Err(format!("groups of {size} are no whole number of blocks of {BLOCK}"));
    }
    let place =
        |row: usize, column: usize| if transposed { column * rows + row } else { row * columns + column };
    let mut bytes = Vec::new();
    for row in 0..rows {
        for start in (0..columns).step_by(BLOCK) {
            let grid = codes.grids.get(layout.block_of(place(row, start))).ok_or("it has lost a scale")?;
            let block: Option<Vec<i32>> =
                (start..start + BLOCK).map(|column| codes.codes.get(place(row, column)).copied()).collect();
            bytes.extend(kind.block_of_codes(codes.format, *grid, &block.ok_or("it has lost a code")?));
        }
    }
    Ok((vec![rows as u64, columns as u64], kind, bytes))
}
