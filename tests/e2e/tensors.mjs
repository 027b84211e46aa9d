// Files of tensors, made by hand.

import { open } from "node:fs/promises";

const FLOATS = 4;

/** A small generator of the same numbers every time: normal, of this deviation. */
export function normals(count, deviation = 0.05, seed = 1) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / 4294967297;
  };
  return Float32Array.from({ length: count }, () => deviation * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}

/** The front of a safetensors file: `tensors` are [name, shape], each F32, in order. */
function front(tensors, metadata) {
  const header = metadata ? { __metadata__: metadata } : {};
  let at = 0;
  for (const [name, shape] of tensors) {
    const end = at + FLOATS * shape.reduce((all, n) => all * n, 1);
    header[name] = { dtype: "F32", shape, data_offsets: [at, end] };
    at = end;
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, " ")]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return { bytes: Buffer.concat([length, padded]), values: at };
}

/** A safetensors file: `tensors` are [name, shape, values]. */
export function safetensors(tensors, metadata) {
  const values = tensors.map(([, , values]) => Buffer.from(values.buffer));
  return Buffer.concat([front(tensors, metadata).bytes, ...values]);
}

/**
 * Writes a safetensors file in which only the last tensor has values, and all before it are holes that take no room on
 * the disk. `tensors` are [name, shape].
 *
 * @returns {Promise<number>} the bytes of the file
 */
export async function sparse(path, tensors, values) {
  const { bytes, values: size } = front(tensors);
  const file = await open(path, "w");
  try {
    await file.truncate(bytes.length + size);
    await file.write(bytes, 0, bytes.length, 0);
    const last = Buffer.from(values.buffer);
    await file.write(last, 0, last.length, bytes.length + size - last.length);
  } finally {
    await file.close();
  }
  return bytes.length + size;
}

const text = (content) => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(content)));
  return Buffer.concat([length, Buffer.from(content)]);
};
const u32 = (n) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(n);
  return bytes;
};
const u64 = (n) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(n));
  return bytes;
};

/** A GGUF file of one matrix in Q8_0 with `rows` rows of 64, and a vector of 32 in F32. Texts are its metadata. */
export function gguf(rows, metadata) {
  const blocks = Buffer.alloc(rows * 2 * 34);
  for (let block = 0; block < rows * 2; block += 1) {
    blocks.writeUInt16LE(0x2000, 34 * block); // 2⁻⁷ as a half
    for (let i = 0; i < 32; i += 1) blocks.writeInt8(((block * 7 + i * 13) % 255) - 127, 34 * block + 2 + i);
  }
  const padded = Buffer.alloc(Math.ceil(blocks.length / 32) * 32);
  blocks.copy(padded);
  const entries = Object.entries(metadata).map(([name, value]) => Buffer.concat([text(name), u32(8), text(value)]));
  const tensors = [
    Buffer.concat([text("blk.0.attn_q.weight"), u32(2), u64(64), u64(rows), u32(8), u64(0)]),
    Buffer.concat([text("output_norm.weight"), u32(1), u64(32), u32(0), u64(padded.length)]),
  ];
  const head = Buffer.concat([Buffer.from("GGUF"), u32(3), u64(2), u64(entries.length), ...entries, ...tensors]);
  const aligned = Buffer.alloc(Math.ceil(head.length / 32) * 32);
  head.copy(aligned);
  const ones = Buffer.from(new Float32Array(32).fill(1).buffer);
  return Buffer.concat([aligned, padded, ones]);
}
