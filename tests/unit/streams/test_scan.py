from streams.memory import MemoryBroker, MemoryProducer
from streams.scan import MemoryScan
from tests.contract.scan import ScanContract


class TestMemoryScan(ScanContract):
    def setup_method(self) -> None:
        self.broker = MemoryBroker({"t": 2})

    def topic(self) -> str:
        return "t"

    def producer(self) -> MemoryProducer:
        return MemoryProducer(self.broker)

    def scan(self) -> MemoryScan:
        return MemoryScan(self.broker)
