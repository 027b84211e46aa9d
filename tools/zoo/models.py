"""The gallery's image classifiers.

Every model maps `x` [N, 1, 28, 28], pixels divided by 255, to `logits` [N, 10].
Module names are what people see on the bench, so they follow the field's usual terms.
"""

from collections import OrderedDict

from torch import Tensor, nn

CLASSES = 10


def _conv(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A same-padded convolution without a bias: the BatchNorm after it has one."""
    return nn.Conv2d(
        inputs, outputs, size, stride=stride, padding=size // 2, groups=groups, bias=False
    )


class FashionLeNet(nn.Module):
    """LeNet-5's plan with BatchNorm, ReLU and max-pooling (LeCun et al. 1998)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5, padding=2, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(8, 16, 5, bias=False)
        self.bn2 = nn.BatchNorm2d(16)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.relu3 = nn.ReLU()
        self.fc2 = nn.Linear(120, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(self.relu1(self.bn1(self.conv1(x))))
        x = self.pool2(self.relu2(self.bn2(self.conv2(x))))
        return self.fc2(self.relu3(self.fc1(self.flatten(x))))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a skip path (He et al. 2015, arXiv:1512.03385).

    The skip path is the identity, or a 1x1 convolution where the shape changes.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, outputs, 3, stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = _conv(outputs, outputs, 3)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.ReLU()
        if inputs != outputs or stride != 1:
            self.skip = _conv(inputs, outputs, 1, stride)
            self.skip_bn = nn.BatchNorm2d(outputs)
        else:
            self.skip = None

    def forward(self, x: Tensor) -> Tensor:
        skip = x if self.skip is None else self.skip_bn(self.skip(x))
        x = self.relu1(self.bn1(self.conv1(x)))
        return self.relu2(self.bn2(self.conv2(x)) + skip)


class FashionResNet(nn.Module):
    """ResNet-8: a stem and three residual stages of 16, 32 and 64 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv(1, 16, 3)
        self.stem_bn = nn.BatchNorm2d(16)
        self.stem_relu = nn.ReLU()
        self.stage1 = ResidualBlock(16, 16, stride=1)
        self.stage2 = ResidualBlock(16, 32, stride=2)
        self.stage3 = ResidualBlock(32, 64, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem_relu(self.stem_bn(self.stem(x)))
        x = self.stage3(self.stage2(self.stage1(x)))
        return self.head(self.flatten(self.pool(x)))


class SeparableBlock(nn.Module):
    """A depthwise 3x3 and a pointwise convolution (Howard et al. 2017, arXiv:1704.04861)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.depthwise = _conv(inputs, inputs, 3, stride, groups=inputs)
        self.depthwise_bn = nn.BatchNorm2d(inputs)
        self.depthwise_relu6 = nn.ReLU6()
        self.pointwise = _conv(inputs, outputs, 1)
        self.pointwise_bn = nn.BatchNorm2d(outputs)
        self.pointwise_relu6 = nn.ReLU6()

    def forward(self, x: Tensor) -> Tensor:
        x = self.depthwise_relu6(self.depthwise_bn(self.depthwise(x)))
        return self.pointwise_relu6(self.pointwise_bn(self.pointwise(x)))


class InvertedResidual(nn.Module):
    """Expand, depthwise 3x3, project (Sandler et al. 2018, arXiv:1801.04381).

    The projection is linear; input and output are added where their shapes agree.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = _conv(inputs, hidden, 1)
        self.expand_bn = nn.BatchNorm2d(hidden)
        self.expand_relu6 = nn.ReLU6()
        self.depthwise = _conv(hidden, hidden, 3, stride, groups=hidden)
        self.depthwise_bn = nn.BatchNorm2d(hidden)
        self.depthwise_relu6 = nn.ReLU6()
        self.project = _conv(hidden, outputs, 1)
        self.project_bn = nn.BatchNorm2d(outputs)
        self.residual = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y = self.expand_relu6(self.expand_bn(self.expand(x)))
        y = self.depthwise_relu6(self.depthwise_bn(self.depthwise(y)))
        y = self.project_bn(self.project(y))
        return x + y if self.residual else y


class FashionMobileNet(nn.Module):
    """A small MobileNet: a separable block, then six inverted residual blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv(1, 16, 3)
        self.stem_bn = nn.BatchNorm2d(16)
        self.stem_relu6 = nn.ReLU6()
        self.block1 = SeparableBlock(16, 24, stride=2)
        self.block2 = InvertedResidual(24, 24, stride=1, expansion=2)
        self.block3 = InvertedResidual(24, 40, stride=2, expansion=4)
        self.block4 = InvertedResidual(40, 40, stride=1, expansion=4)
        self.block5 = InvertedResidual(40, 40, stride=1, expansion=4)
        self.block6 = InvertedResidual(40, 64, stride=1, expansion=4)
        self.block7 = InvertedResidual(64, 64, stride=1, expansion=4)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem_relu6(self.stem_bn(self.stem(x)))
        x = self.block3(self.block2(self.block1(x)))
        x = self.block7(self.block6(self.block5(self.block4(x))))
        return self.head(self.flatten(self.pool(x)))


MODELS: "OrderedDict[str, type[nn.Module]]" = OrderedDict(
    [
        ("fashion-lenet", FashionLeNet),
        ("fashion-resnet", FashionResNet),
        ("fashion-mobilenet", FashionMobileNet),
    ]
)


def parameters(model: nn.Module) -> int:
    """Trained values: weights, biases, and BatchNorm's scale and shift."""
    return sum(p.numel() for p in model.parameters())


def macs(model: nn.Module, x: Tensor) -> int:
    """Multiply-accumulates of the convolutions and linear layers for one image `x` [1, C, H, W]."""
    total = 0

    def count(module: nn.Module, _: object, output: Tensor) -> None:
        nonlocal total
        total += output.numel() * module.weight[0].numel()

    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    hooks = [m.register_forward_hook(count) for m in layers]
    model(x)
    for hook in hooks:
        hook.remove()
    return total
