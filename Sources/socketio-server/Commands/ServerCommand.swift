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

            Tab completion:
              socketio-server --generate-completion-script bash   # or zsh, fish

            Exit codes: 0 ended as asked, 1 could not serve, 64 wrong usage, 78 wrong settings.
            """,
        version: Version.current,
        subcommands: [
            RunCommand.self, InitCommand.self, CheckConfigCommand.self, PrintConfigCommand.self,
            ProxyConfigCommand.self, EmitCommand.self, PeersCommand.self, HealthcheckCommand.self,
            VersionCommand.self, ReferenceCommand.self,
        ],
        defaultSubcommand: RunCommand.self)
}
