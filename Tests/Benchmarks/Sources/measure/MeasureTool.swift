// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import Dispatch
internal import Glibc

/// An asynchronous `main` gives the first thread up, which valgrind does not survive: what is counted by it begins before.
@main
enum MeasureMain {
    private static let counted: [any ParsableCommand.Type] = [FanOutSpeed.self, ConnectSpeed.self, PollingSpeed.self]

    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        for command in counted where words.first == command.configuration.commandName {
            return command.main(Array(words.dropFirst()))
        }
        Task {
            await MeasureTool.main()
            exit(EXIT_SUCCESS)
        }
        dispatchMain()
    }
}

/// What the server costs, measured with clients in the same process; see docs/performance.md.
struct MeasureTool: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure", abstract: "Measures the server with clients in this process.",
        subcommands: [RedisSpeed.self, FanOutSpeed.self, ConnectSpeed.self, PollingSpeed.self, SlowReaders.self])
}
