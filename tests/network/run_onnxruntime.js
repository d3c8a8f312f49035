// Runs a model in onnxruntime-node: node run_onnxruntime.js MODEL.onnx INPUT.f32 OUTPUT.f32 DIM...
// DIM...: the shape of "input". Exit code 77: the package is not there (NW_NODE_MODULES may say where it is).
'use strict';
const fs = require('fs');
const path = require('path');

function load() {
  const places = process.env.NW_NODE_MODULES ? [process.env.NW_NODE_MODULES] : module.paths;
  for (const place of places) {
    const folder = path.join(place, 'onnxruntime-node');
    if (fs.existsSync(folder)) return require(folder);
  }
  process.exit(77);
}

async function main() {
  const ort = load();
  const [model, input, output, ...dims] = process.argv.slice(2);
  const bytes = fs.readFileSync(input);
  const data = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const session = await ort.InferenceSession.create(model);
  const results = await session.run({ input: new ort.Tensor('float32', data, dims.map(Number)) });
  const logits = results.logits.data;
  fs.writeFileSync(output, Buffer.from(logits.buffer, logits.byteOffset, logits.byteLength));
}

main().catch((error) => {
  console.error(String(error));
  process.exit(1);
});
