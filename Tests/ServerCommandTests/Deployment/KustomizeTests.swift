// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import Testing
internal import Yams

@testable internal import socketio_server

/// `config/kubernetes`: what the parts say to the base and to the server, and what kustomize makes of them where it is there.
@Suite struct KustomizeTests {
    private static let folder = "config/kubernetes"
    private static let kubectl = "/usr/bin/kubectl"
    private static let hasKustomize = FileManager.default.isExecutableFile(atPath: kubectl)

    private static var kustomizations: [String] {
        get throws { try shippedFiles(below: folder).filter { $0.hasSuffix("/kustomization.yaml") } }
    }

    @Test func everyFileIsNamedAndThere() throws {
        #expect(try Self.kustomizations.count == 8)
        for path in try Self.kustomizations {
            let (list, folder) = (try YAMLTree.file(path), (path as NSString).deletingLastPathComponent)
            let named = (list["resources"].items + list["components"].items).compactMap(\.text)
            #expect(!named.isEmpty || !list["patches"].items.isEmpty)
            for name in named { #expect(isShipped("\(folder)/\(name)"), "\(path): \(name)") }
            let isComponent = path.contains("/components/")
            #expect(list["kind"].text == (isComponent ? "Component" : "Kustomization"))
            // What is beside it is part of it, or the rule for prometheus-adapter.
            for file in try shippedFiles(below: folder) where isComponent {
                let name = (file as NSString).lastPathComponent
                #expect((named + ["kustomization.yaml", "prometheus-adapter.yaml"]).contains(name), "\(file)")
            }
        }
        for file in try shippedFiles(below: Self.folder) { #expect(try !YAMLTree.files(file).isEmpty, "\(file)") }
    }

    @Test func namesAgreeWithSettingsAndMetrics() async throws {
        let components = "\(Self.folder)/components"
        let settings = try await load(
            yaml: shipped("\(Self.folder)/base/socketio.yaml"), environment: ["SOCKETIO_OPERATIONS_TOKEN": "x"]
        ).settings
        let scaler = try YAMLTree.file("\(components)/autoscaling/horizontalpodautoscaler.yaml")["spec"]
        let pods = try #require(scaler["metrics"].items.first)["pods"]
        let metric = try #require(pods["metric", "name"].text)
        #expect(MetricCatalog.entries[metric] != nil)
        let rule = try #require(
            try YAMLTree.file("\(components)/autoscaling/prometheus-adapter.yaml")["rules", "custom"].items.first)
        #expect(rule["name", "as"].text == metric && rule["seriesQuery"].text?.hasPrefix(metric + "{") == true)
        let average = try #require(pods["target", "averageValue"].text.flatMap { Int($0) })
        #expect(average < settings.admission.maxSessions ?? .max)
        #expect(
            scaler["scaleTargetRef", "kind"].text == "Deployment" && scaler["scaleTargetRef", "name"].text == "socketio"
        )

        let monitor = try YAMLTree.file("\(components)/monitoring/servicemonitor.yaml")["spec"]
        let services = try YAMLTree.files("\(Self.folder)/base/service.yaml")
        let endpoint = try #require(monitor["endpoints"].items.first)
        let withPort = services.filter { service in
            service["spec", "ports"].items.contains { $0["name"].text == endpoint["port"].text }
        }
        #expect(withPort.map { $0["metadata", "name"].text } == ["socketio-nodes"])
        #expect(withPort[0]["metadata", "labels"].canonical == monitor["selector", "matchLabels"].canonical)
        let secret = try YAMLTree.file("\(Self.folder)/base/secret.yaml")
        let credentials = endpoint["authorization", "credentials"]
        #expect(credentials["name"].text == secret["metadata", "name"].text)
        #expect(secret["stringData"].keys.contains(credentials["key"].text ?? ""))

        let redis = try YAMLTree.files("\(components)/redis/redis.yaml")
        let service = try #require(redis.first { $0["kind"].text == "Service" })
        let port = try #require(service["spec", "ports"].items.first)["port"].number
        #expect(settings.redis.url == "redis://\(service["metadata", "name"].text ?? ""):\(port ?? 0)")
        let container = try #require(redis.first)["spec", "template", "spec", "containers"].items[0]
        for variable in container["env"].items {
            let reference = variable["valueFrom", "secretKeyRef"]
            #expect(
                reference["name"].text == "socketio" && secret["stringData"].keys.contains(reference["key"].text ?? ""))
        }

        let gateway = try YAMLTree.files("\(components)/gateway/gateway.yaml")
        let route = try #require(gateway.last)["spec", "rules"].items[0]
        #expect(route["matches"].items[0]["path", "value"].text == settings.path + "/")
        let backend = route["backendRefs"].items[0]
        let clients = try #require(services.first { $0["metadata", "name"].text == backend["name"].text })
        #expect(clients["spec", "ports"].items[0]["port"].number == backend["port"].number)
    }

    // MARK: With kustomize

    private static func build(_ path: String) throws -> [String: YAMLTree] {
        try build(packageRoot.appendingPathComponent("\(folder)/\(path)"))
    }

    private static func build(_ folder: URL) throws -> [String: YAMLTree] {
        let made = try RunningProcess.run(
            kubectl, ["kustomize", folder.path])
        #expect(made.code == 0, "\(made.output)")
        var objects: [String: YAMLTree] = [:]
        for object in try Yams.load_all(yaml: made.output).map({ YAMLTree(value: $0) }) {
            objects["\(object["kind"].text ?? "")/\(object["metadata", "name"].text ?? "")"] = object
        }
        return objects
    }

    @Test(.enabled(if: hasKustomize)) func overlaysBuild() throws {
        let small = try Self.build("overlays/small")
        #expect(small["StatefulSet/redis"] != nil && small["Ingress/socketio"]?["spec", "tls"].items.isEmpty == true)
        let production = try Self.build("overlays/production")
        for object in production.values { #expect(object["metadata", "namespace"].text == "socketio") }
        let ingress = try #require(production["Ingress/socketio"])
        #expect(
            ingress["spec", "tls"].items.first?["hosts"].items.first?.text
                == ingress["spec", "rules"].items[0]["host"].text)
        #expect(ingress["metadata", "annotations", "cert-manager.io/cluster-issuer"].text != nil)
        #expect(production["HorizontalPodAutoscaler/socketio"] != nil && production["ServiceMonitor/socketio"] != nil)
        // The autoscaler says how many there are.
        let deployment = try #require(production["Deployment/socketio"])["spec"]
        #expect(deployment["replicas"].value == nil && small["Deployment/socketio"]?["spec", "replicas"].number == 3)
        #expect(
            deployment["template", "spec", "containers"].items[0]["image"].text?.hasSuffix(":\(Version.current)")
                == true)
        // The settings' name changes with them, and the pods ask for that name.
        let settings = try #require(production.keys.first { $0.hasPrefix("ConfigMap/socketio-") })
        let volume = deployment["template", "spec", "volumes"].items[0]["configMap", "name"].text
        #expect(settings == "ConfigMap/\(volume ?? "")")
    }

    @Test(.enabled(if: hasKustomize)) func theGatewayTakesThePlaceOfTheIngress() throws {
        // An overlay of a user, with the gateway instead of TLS at the ingress.
        let copy = FileManager.default.temporaryDirectory.appendingPathComponent("kustomize-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: copy) }
        try FileManager.default.copyItem(at: packageRoot.appendingPathComponent(Self.folder), to: copy)
        let text = try shipped("\(Self.folder)/overlays/production/kustomization.yaml")
            .replacing("components/tls\n", with: "components/gateway\n")
        try Data(text.utf8).write(to: copy.appendingPathComponent("overlays/production/kustomization.yaml"))
        let objects = try Self.build(copy.appendingPathComponent("overlays/production"))
        #expect(
            objects["Ingress/socketio"] == nil && objects["Gateway/socketio"] != nil
                && objects["HTTPRoute/socketio"] != nil)
        let from = objects["NetworkPolicy/socketio"]?["spec", "ingress"].items[0]["from"].items[0]
        #expect(from?["namespaceSelector", "matchLabels", "kubernetes.io/metadata.name"].text == "gateway-system")
    }
}
