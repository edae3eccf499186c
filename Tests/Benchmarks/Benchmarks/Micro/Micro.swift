// Part of socketio-server, MIT licence; see LICENSE.

internal import Benchmark
internal import HotLoops

let benchmarks: @Sendable () -> Void = {
    for loop in HotLoop.all {
        Benchmark(
            loop.name,
            configuration: .init(
                metrics: [.wallClock, .throughput], scalingFactor: .kilo, maxDuration: .seconds(2))
        ) { benchmark, work in
            benchmark.startMeasurement()
            work(benchmark.scaledIterations.count)
        } setup: {
            loop.prepare()
        }
    }
}
