// Runs the network on the GPU by WebGPU: the module says which kernels run over which parts of which buffers.

/// Programs for numbers of faces that are kept.
const MOST_PROGRAMS = 16;

export class Gpu {
  /// The most capable device; one that computes on the processor only if `software` says so. Nothing where there is none.
  static async open(software) {
    const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
    const slow = adapter?.info.isFallbackAdapter ?? adapter?.isFallbackAdapter;
    if (!adapter || (slow && !software)) return null;
    return new Gpu(await adapter.requestDevice(), adapter.info);
  }

  constructor(device, { vendor, architecture, description }) {
    this.device = device;
    this.name = description || `${vendor} ${architecture}`.trim() || "unnamed";
    this.failure = null;
    this.buffers = new Map();
    this.kernels = new Map();
    this.programs = new Map();
    device.onuncapturederror = ({ error }) => (this.failure ??= error.message);
    device.lost.then(({ message }) => (this.failure ??= message || "the device was lost"));
  }

  /// The buffer that the work names, as large as it asks for; a larger one takes a smaller one's place.
  #buffer({ name, bytes }) {
    const found = this.buffers.get(name);
    if (found && found.size >= bytes) return found;
    found?.destroy();
    this.programs.clear();
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const made = this.device.createBuffer({ size: bytes, usage, label: name });
    this.buffers.set(name, made);
    return made;
  }

  /// A kernel, compiled at its first use.
  async #kernel({ name, source, writes }, entry) {
    const key = `${name} ${entry}`;
    if (!this.kernels.has(key)) {
      const binding = (number, type) => ({ binding: number, visibility: GPUShaderStage.COMPUTE, buffer: { type } });
      const storage = writes.map((write, i) => binding(i + 1, write ? "storage" : "read-only-storage"));
      const layout = this.device.createBindGroupLayout({ entries: [binding(0, "uniform"), ...storage] });
      const pipeline = await this.device.createComputePipelineAsync({
        layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module: this.device.createShaderModule({ code: source }), entryPoint: entry },
      });
      this.kernels.set(key, { layout, pipeline });
    }
    return this.kernels.get(key);
  }

  /// The work with its kernels compiled and its buffers bound.
  async #program(work) {
    const buffers = work.buffers.map((wanted) => this.#buffer(wanted));
    const bytes = new Uint8Array(work.uniforms);
    const uniforms = this.device.createBuffer({
      size: bytes.length, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, label: "uniforms",
    });
    this.device.queue.writeBuffer(uniforms, 0, bytes);
    const steps = [];
    for (const { shader, entry, uniform, spans, groups } of work.dispatches) {
      const { layout, pipeline } = await this.#kernel(work.shaders[shader], entry);
      const storage = spans.map(({ buffer, first, bytes: size }, i) => (
        { binding: i + 1, resource: { buffer: buffers[buffer], offset: first, size } }));
      const block = { binding: 0, resource: { buffer: uniforms, offset: uniform, size: work.shaders[shader].uniform } };
      steps.push({ pipeline, groups, group: this.device.createBindGroup({ layout, entries: [block, ...storage] }) });
    }
    const end = (span) => span && { buffer: buffers[span.buffer], first: span.first, bytes: span.bytes };
    return { steps, input: end(work.input), output: end(work.output) };
  }

  /// Writes what the model holds and does what comes before the first pass.
  async prepare(work, contents) {
    const program = await this.#program(work);
    for (const [name, values] of contents) this.device.queue.writeBuffer(this.buffers.get(name), 0, values);
    const encoder = this.device.createCommandEncoder();
    this.#encode(encoder, program);
    this.device.queue.submit([encoder.finish()]);
  }

  #encode(encoder, { steps }) {
    const pass = encoder.beginComputePass();
    for (const { pipeline, group, groups } of steps) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...groups);
    }
    pass.end();
  }

  /// Logits of so many faces; `work` gives the pass over them, where it is not there yet.
  async logits(faces, input, work) {
    if (this.programs.size >= MOST_PROGRAMS) this.programs.clear();
    let program = this.programs.get(faces);
    if (!program) {
      program = await this.#program(work());
      const { bytes } = program.output;
      program.read = this.device.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
      this.programs.set(faces, program);
    }
    const { input: to, output, read } = program;
    this.device.queue.writeBuffer(to.buffer, to.first, input);
    const encoder = this.device.createCommandEncoder();
    this.#encode(encoder, program);
    encoder.copyBufferToBuffer(output.buffer, output.first, read, 0, output.bytes);
    this.device.queue.submit([encoder.finish()]);
    await read.mapAsync(GPUMapMode.READ);
    const answer = new Float32Array(read.getMappedRange().slice(0));
    read.unmap();
    if (this.failure) throw new Error(this.failure);
    return answer;
  }
}
