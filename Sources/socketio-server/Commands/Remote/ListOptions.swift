// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser
internal import SocketIOServer

/// Options of the commands that list what a running node knows.
struct ListOptions: ParsableArguments {
    @OptionGroup var remote: RemoteOptions

    @Option(help: ArgumentHelp("Namespace of what is listed.", valueName: "name"))
    var namespace = "/"

    @Option(help: ArgumentHelp("How many are listed at most, 1 to 1000.", valueName: "number"))
    var limit = 100

    @Flag(help: "Print the answer of the API, one JSON object, instead of a table.")
    var json = false

    func validate() throws {
        let most = APILimits().maxListed
        if limit < 1 || limit > most { throw ValidationError("--limit must be 1 to \(most).") }
    }

    /// Asks for a list, whose name in the answer is the question's, and prints it, with how many there are in all.
    func print(
        _ question: APIQuestion, _ parameters: [(String, String)] = [], _ table: ([SocketValue]) -> TextTable
    ) async throws {
        let node = try await remote.client(for: .api(.read))
        let answer = try await node.use {
            try await $0.ask(question, [("namespace", namespace), ("limit", "\(limit)")] + parameters)
        }
        if json { return Swift.print(try RawJSON(encoding: answer).json) }
        let (name, lines) = (question.rawValue, answer[question.rawValue]?.array ?? [])
        if !lines.isEmpty { Swift.print(table(lines).text, terminator: "") }
        let total = answer["total"]?.int ?? lines.count
        Swift.print("\(name): \(total)" + (total > lines.count ? ", of which \(lines.count) are shown (--limit)" : ""))
    }
}
