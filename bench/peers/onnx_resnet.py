"""A ResNet as an ONNX file with random weights, for timing only: no framework is needed to make it.

    python onnx_resnet.py resnet50 224 8 model.onnx
"""

import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

BLOCKS = {"resnet18": [2, 2, 2, 2], "resnet34": [3, 4, 6, 3], "resnet50": [3, 4, 6, 3]}


class Builder:
    """Collects nodes and weights; each method adds one layer and returns the name of its output."""

    def __init__(self) -> None:
        self.nodes, self.weights = [], []
        self.random = np.random.default_rng(0)

    def weight(self, name: str, values: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def node(self, kind: str, inputs: list[str], **attributes) -> str:
        out = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out

    def conv_bn(self, x: str, cin: int, cout: int, kernel: int, stride: int, relu: bool) -> str:
        name = f"n{len(self.nodes)}"
        values = self.random.standard_normal((cout, cin, kernel, kernel)) * np.sqrt(2 / (cin * kernel * kernel))
        w = self.weight(f"{name}.w", values)
        x = self.node("Conv", [x, w], strides=[stride] * 2, pads=[kernel // 2] * 4, kernel_shape=[kernel] * 2)
        ones, zeros = np.ones(cout), np.zeros(cout)
        statistics = [self.weight(f"{name}.{k}", v) for k, v in zip("sbmv", (ones, zeros, zeros, ones))]
        x = self.node("BatchNormalization", [x, *statistics], epsilon=1e-5)
        return self.node("Relu", [x]) if relu else x


def build(depth: str, size: int, batch: int, classes: int = 1000) -> bytes:
    """The serialised model: input `x` (batch x 3 x size x size), output `y` (batch x classes)."""
    b, wide = Builder(), 4 if depth == "resnet50" else 1
    x = b.conv_bn("x", 3, 64, 7, 2, relu=True)
    x = b.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = 64
    for stage, count in enumerate(BLOCKS[depth]):
        planes = 64 << stage
        for block in range(count):
            stride = 2 if stage > 0 and block == 0 else 1
            if wide == 4:
                y = b.conv_bn(x, channels, planes, 1, 1, relu=True)
                y = b.conv_bn(y, planes, planes, 3, stride, relu=True)
                y = b.conv_bn(y, planes, planes * 4, 1, 1, relu=False)
            else:
                y = b.conv_bn(x, channels, planes, 3, stride, relu=True)
                y = b.conv_bn(y, planes, planes, 3, 1, relu=False)
            if stride != 1 or channels != planes * wide:
                x = b.conv_bn(x, channels, planes * wide, 1, stride, relu=False)
            x = b.node("Relu", [b.node("Add", [y, x])])
            channels = planes * wide
    x = b.node("Flatten", [b.node("GlobalAveragePool", [x])])
    w = b.weight("fc.w", b.random.standard_normal((classes, channels)) * 0.01)
    bias = b.weight("fc.b", np.zeros(classes))
    b.nodes.append(helper.make_node("Gemm", [x, w, bias], ["y"], transB=1))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [batch, 3, size, size]), ("y", [batch, classes]))
    ]
    graph = helper.make_graph(b.nodes, depth, ends[:1], ends[1:], b.weights)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


if __name__ == "__main__":
    depth, size, batch, path = sys.argv[1:]
    with open(path, "wb") as file:
        file.write(build(depth, int(size), int(batch)))
