// Loads the module and the model, and reads the pictures that the page sends, one after the other.

/// The file's bytes, unpacked: files lie compressed, so that the download is small on any server.
async function fetched(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  // A server may have told the browser to unpack already.
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

let module;

/// Puts bytes into the module's room.
function put(bytes) {
  const at = module.affekt_room(bytes.length);
  if (at === 0) throw new Error("the picture is too large");
  new Uint8Array(module.memory.buffer, at, bytes.length).set(bytes);
}

/// The answer of a call, or its error.
function answer(code) {
  const bytes = new Uint8Array(module.memory.buffer, module.affekt_answer(), module.affekt_answer_length());
  const text = new TextDecoder().decode(bytes.slice());
  if (code !== 0) throw new Error(text);
  return text;
}

async function open() {
  const [program, model] = await Promise.all([fetched("affekt.wasm.gz"), fetched("model.bin.gz")]);
  module = (await WebAssembly.instantiate(program, {})).instance.exports;
  put(model);
  return JSON.parse(answer(module.affekt_open()));
}

const opened = open();
opened.then(
  (classes) => postMessage({ opened: classes }),
  (error) => postMessage({ problem: `The model cannot be loaded: ${error.message}` }),
);

onmessage = async ({ data }) => {
  try {
    await opened;
    if (data.restart) {
      answer(module.affekt_restart());
      return;
    }
    const start = performance.now();
    put(new Uint8Array(data.pixels));
    const line = JSON.parse(answer(module.affekt_read(data.width, data.height, data.seconds)));
    postMessage({ id: data.id, line, ms: performance.now() - start });
  } catch (error) {
    postMessage({ id: data.id, problem: error.message });
  }
};
