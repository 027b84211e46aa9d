// Small ONNX files, written by hand: models that no exporter would make.
//
//   model({ nodes: [node("Relu", ["x"], ["y"], "relu")], inputs: [value("x", ["N", 4])], outputs: [value("y", ["N", 4])] })

const FLOAT = 1;

function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest ? low | 0x80 : low);
  } while (rest);
  return Buffer.from(bytes);
}

const integer = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
const bytes = (field, content) => Buffer.concat([varint((field << 3) | 2), varint(content.length), content]);
const text = (field, content) => bytes(field, Buffer.from(content));
const message = (field, ...parts) => bytes(field, Buffer.concat(parts));

function attribute(name, value) {
  return Array.isArray(value)
    ? message(5, text(1, name), ...value.map((one) => integer(8, one)), integer(20, 7))
    : message(5, text(1, name), integer(3, value), integer(20, 2));
}

/** A node; attributes are integers or lists of them. */
export function node(operator, inputs, outputs, name, attributes = {}, domain = "") {
  return message(
    1,
    ...inputs.map((input) => text(1, input)),
    ...outputs.map((output) => text(2, output)),
    text(3, name),
    text(4, operator),
    ...Object.entries(attributes).map(([key, value]) => attribute(key, value)),
    ...(domain ? [text(7, domain)] : []),
  );
}

/** Weights: small numbers that are the same every time. */
export function weights(name, dims) {
  const count = dims.reduce((all, dim) => all * dim, 1);
  const values = Float32Array.from({ length: count }, (_, i) => Math.sin(1 + 12.9898 * i) / Math.sqrt(count));
  return message(5, ...dims.map((dim) => integer(1, dim)), integer(2, FLOAT), text(8, name), bytes(9, Buffer.from(values.buffer)));
}

/** An input or output of floats; a dimension is a number or a name. */
export function value(name, dims) {
  const shape = dims.map((dim) => message(1, typeof dim === "number" ? integer(1, dim) : text(2, dim)));
  return [text(1, name), message(2, message(1, integer(1, FLOAT), message(2, ...shape)))];
}

/** A model's file. */
export function model({ nodes, initializers = [], inputs, outputs, metadata = {}, opset = 17 }) {
  return Buffer.concat([
    integer(1, 8),
    text(2, "by hand"),
    message(
      7,
      ...nodes,
      text(2, "graph"),
      ...initializers,
      ...inputs.map((input) => message(11, ...input)),
      ...outputs.map((output) => message(12, ...output)),
    ),
    message(8, integer(2, opset)),
    ...Object.entries(metadata).map(([key, content]) => message(14, text(1, key), text(2, content))),
  ]);
}

/** A residual network for Fashion-MNIST of `blocks` blocks of five nodes, and five nodes around them. */
export function residual(blocks) {
  const nodes = [node("Conv", ["x", "stem.w"], ["h0"], "/model/stem/Conv", { kernel_shape: [4, 4], strides: [4, 4] })];
  const initializers = [weights("stem.w", [4, 1, 4, 4]), weights("head.w", [10, 4])];
  for (let i = 0; i < blocks; i += 1) {
    const at = `/model/layers.${i}`;
    for (const conv of ["conv1", "conv2"]) initializers.push(weights(`${i}.${conv}.w`, [4, 4, 1, 1]));
    nodes.push(
      node("Conv", [`h${i}`, `${i}.conv1.w`], [`${i}.a`], `${at}/conv1/Conv`, { kernel_shape: [1, 1] }),
      node("Relu", [`${i}.a`], [`${i}.b`], `${at}/act/Relu`),
      node("Conv", [`${i}.b`, `${i}.conv2.w`], [`${i}.c`], `${at}/conv2/Conv`, { kernel_shape: [1, 1] }),
      node("Sigmoid", [`${i}.c`], [`${i}.d`], `${at}/gate/Sigmoid`),
      node("Add", [`${i}.d`, `h${i}`], [`h${i + 1}`], `${at}/Add`),
    );
  }
  nodes.push(
    node("GlobalAveragePool", [`h${blocks}`], ["pooled"], "/model/pool/GlobalAveragePool"),
    node("Flatten", ["pooled"], ["flat"], "/model/flat/Flatten"),
    node("Gemm", ["flat", "head.w"], ["scores"], "/head/Gemm", { transB: 1 }),
    node("Softmax", ["scores"], ["logits"], "/Softmax"),
  );
  return model({
    nodes,
    initializers,
    inputs: [value("x", ["N", 1, 28, 28])],
    outputs: [value("logits", ["N", 10])],
    metadata: { license: "CC0-1.0" },
  });
}
