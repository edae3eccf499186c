// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

/// `socketio-server`: the command with its subcommands.
@main
struct ServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "socketio-server",
        abstract: "A Socket.IO server.",
        discussion: """
            Settings come from defaults, a YAML file, environment variables and flags; later ones win.
            'socketio-server help run' lists the flags.

            Examples:
              socketio-server
              socketio-server --port 8080 --log-format json
              socketio-server --config config/default.yaml
              SOCKETIO_PORT=8080 socketio-server run
              socketio-server check-config --config my.yaml
              socketio-server emit --to lobby news '{"text":"we are open"}'
              socketio-server peers --config my.yaml
              socketio-server top --config my.yaml
              socketio-server completion bash   # or zsh, fish

            -v is short for --version. Exit codes: 0 ended as asked, 1 could not serve, 64 wrong usage, 78 wrong settings;
            'socketio-server help' with a command has those of the command.
            """,
        version: Version.current,
        subcommands: [
            RunCommand.self, InitCommand.self, CheckConfigCommand.self, PrintConfigCommand.self,
            PrintEnvCommand.self, ProxyConfigCommand.self, TokenCommand.self, EmitCommand.self, RoomsCommand.self,
            SocketsCommand.self, KickCommand.self, TopCommand.self, PeersCommand.self, HealthcheckCommand.self,
            CompletionCommand.self, VersionCommand.self, ReferenceCommand.self,
        ],
        defaultSubcommand: RunCommand.self)

    static func main() async {
        await main(CommandLineArguments.prepared(Array(CommandLine.arguments.dropFirst())))
    }
}
