"""An ONNX graph of what the engine's detector kernels run."""

import pathlib

import numpy as np


class Drawing:
    """An ONNX graph of the operations that the engine's detector kernels run."""

    def __init__(self):
        self.nodes, self.weights, self.outputs, self.drawn = [], [], [], 0

    def fresh(self):
        self.drawn += 1
        return f"v{self.drawn}"

    def tensor(self, value):
        from onnx import numpy_helper

        name = self.fresh()
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind, inputs, name=None, **attributes):
        from onnx import helper

        name = name or self.fresh()
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def conv(self, x, layer, norm=None, relu=False):
        import torch

        weight = layer.weight.detach().double()
        bias = layer.bias.detach().double() if layer.bias is not None else torch.zeros(weight.shape[0]).double()
        if norm is not None:
            gain = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
            weight = weight * gain[:, None, None, None]
            bias = (bias - norm.running_mean.double()) * gain + norm.bias.detach().double()
        k, p, s = layer.kernel_size[0], layer.padding[0], layer.stride[0]
        tensors = [self.tensor(v.numpy().astype(np.float32)) for v in (weight, bias)]
        y = self.node("Conv", [x, *tensors], dilations=[1, 1], group=layer.groups, kernel_shape=[k, k], pads=[p] * 4,
                      strides=[s, s])
        return self.node("Relu", [y]) if relu else y

    def stem(self, layer, norm):
        """The first layer: blue, green and red from 0 to 255 in, luma for the student."""
        import torch

        stem = torch.nn.Conv2d(3, layer.out_channels, 3, 2, 1, bias=False)
        luma = torch.tensor([0.114, 0.587, 0.299])[None, :, None, None]
        stem.weight.data = layer.weight.detach() * luma / 128
        return self.conv("input", stem, norm, relu=True)

    def pair(self, x, block):
        return self.conv(self.conv(x, block.point), block.depth, block.norm, relu=True)

    def pairs(self, x, sequence):
        for block in sequence:
            x = self.pair(x, block)
        return x

    def pool(self, x):
        return self.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4)

    def add_up(self, whole, half):
        """A map, and one of half its size enlarged."""
        nothing, scales = self.tensor(np.zeros(0, np.float32)), self.tensor(np.array([1, 1, 2, 2], np.float32))
        up = self.node("Resize", [half, nothing, scales], mode="nearest", coordinate_transformation_mode="asymmetric",
                       nearest_mode="floor")
        return self.node("Add", [whole, up])

    def output(self, name, x, channels, sigmoid=False):
        """A map as a list of its cells."""
        from onnx import TensorProto, helper

        rows = self.node("Transpose", [x], perm=[0, 2, 3, 1])
        shape = self.tensor(np.array([1, -1, channels], np.int64))
        if sigmoid:
            self.node("Sigmoid", [self.node("Reshape", [rows, shape])], name)
        else:
            self.node("Reshape", [rows, shape], name)
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, channels]))

    def save(self, out, name, parameters):
        import onnx
        from onnx import TensorProto, helper

        picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "height", "width"])
        graph = helper.make_graph(self.nodes, name, [picture], self.outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], producer_name="affekt")
        model.ir_version = 6
        onnx.checker.check_model(model)
        onnx.save(model, str(out))
        print(f"{out}: {pathlib.Path(out).stat().st_size} bytes, {parameters} parameters")
