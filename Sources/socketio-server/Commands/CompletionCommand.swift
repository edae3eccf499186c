// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

/// `completion`: what makes a shell complete commands and options with the tabulator key.
struct CompletionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion",
        abstract: "Print the script that makes bash, zsh or fish complete commands and options.",
        discussion: """
            Examples:
              socketio-server completion bash > /etc/bash_completion.d/socketio-server
              socketio-server completion zsh > "${fpath[1]}/_socketio-server"
              socketio-server completion fish > ~/.config/fish/completions/socketio-server.fish
            """)

    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash
        case zsh
        case fish
    }

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    func run() {
        let completion: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        print(ServerCommand.completionScript(for: completion))
    }
}
