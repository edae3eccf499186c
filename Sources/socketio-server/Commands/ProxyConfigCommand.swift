// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

/// `proxy-config`: prints a load balancer's configuration that keeps every session on its node.
struct ProxyConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proxy-config",
        abstract: "Print a complete configuration for HAProxy, nginx or Traefik.",
        discussion: """
            Times, sizes and names in it come from the settings: give the file that the nodes use with --config.

            Examples:
              socketio-server proxy-config haproxy --node n001=10.0.0.1:3000 --node n002=10.0.0.2:3000 > haproxy.cfg
              socketio-server proxy-config nginx --node n001=a:3000 --node n002=b:3000 --listen 0.0.0.0:80
              socketio-server proxy-config haproxy --node n001=a:3000 --node n002=b:3000 --sticky cookie
            """)

    enum Balancer: String, ExpressibleByArgument, CaseIterable {
        case haproxy
        case nginx
        case traefik
    }

    @Argument(help: "haproxy, nginx or traefik.")
    var balancer: Balancer

    @Option(help: ArgumentHelp("A node: its nodeTag and its address. Repeat it.", valueName: "tag=host:port"))
    var node: [String] = []

    @Option(help: ArgumentHelp("Where the balancer listens; * is every address.", valueName: "host:port"))
    var listen = "*:8080"

    @Option(help: "How requests find the node of their session: sid, cookie or source.")
    var sticky = ProxyPlan.Stickiness.sid

    @Option(help: ArgumentHelp("YAML file with the settings of the nodes.", valueName: "file"))
    var config: String?

    func validate() throws {
        guard !node.isEmpty else { throw ValidationError("name the nodes, such as --node n001=10.0.0.1:3000") }
        for text in node where ProxyPlan.Node(text) == nil {
            throw ValidationError(
                "'\(text.escapingControlCharacters())' is no node; write TAG=HOST:PORT with a tag of four characters of "
                    + "A-Z a-z 0-9 - _")
        }
        let nodes = node.compactMap(ProxyPlan.Node.init)
        guard Set(nodes.map(\.tag)).count == nodes.count else {
            throw ValidationError("two nodes have the same tag; every node needs its own")
        }
        guard let place = ProxyPlan.Place(listen), place.port > 0 else {
            throw ValidationError("'\(listen.escapingControlCharacters())' is no address to listen on, such as *:8080")
        }
        if balancer == .traefik, sticky == .source {
            throw ValidationError("Traefik does not route by the address of the client; choose sid or cookie")
        }
    }

    func run() async throws {
        let settings: Settings
        do {
            settings = try await SettingsLoader(configFile: config).load().settings
        } catch let error as SettingsError {
            StandardError.write("\(error)\n")
            throw ExitCode.wrongSettings
        }
        guard let place = ProxyPlan.Place(listen) else { return }
        let plan = ProxyPlan(
            nodes: node.compactMap(ProxyPlan.Node.init), listen: place, stickiness: sticky, settings: settings)
        let text =
            switch balancer {
            case .haproxy: plan.haproxy
            case .nginx: plan.nginx
            case .traefik: plan.traefik
            }
        print(text, terminator: "")
    }
}

extension ProxyPlan.Stickiness: ExpressibleByArgument {}
