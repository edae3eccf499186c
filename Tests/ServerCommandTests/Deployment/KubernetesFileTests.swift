// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

@testable internal import socketio_server

/// `config/kubernetes/base`: what the manifests say to each other and to the server.
@Suite struct KubernetesFileTests {
    private static let folder = "config/kubernetes/base"

    /// All objects by kind and name.
    private static func objects() throws -> [String: YAMLTree] {
        var objects: [String: YAMLTree] = [:]
        for file in try YAMLTree.file("\(folder)/kustomization.yaml")["resources"].items.compactMap(\.text) {
            for object in try YAMLTree.files("\(folder)/\(file)") {
                let (kind, name) = (try #require(object["kind"].text), try #require(object["metadata", "name"].text))
                #expect(object["apiVersion"].text != nil)
                objects["\(kind)/\(name)"] = object
            }
        }
        return objects
    }

    private static func pod(_ objects: [String: YAMLTree]) throws -> YAMLTree {
        try #require(objects["Deployment/socketio"])["spec", "template", "spec"]
    }

    /// The settings of a pod: its file and its variables, with the secrets of the example.
    private static func settings(_ objects: [String: YAMLTree]) async throws -> Settings {
        let container = try #require(try pod(objects)["containers"].items.first)
        let secret = try #require(objects["Secret/socketio"])["stringData"].texts
        var environment: [String: String] = [:]
        for variable in container["env"].items {
            let name = try #require(variable["name"].text)
            guard name.hasPrefix("SOCKETIO_"), name != SettingsLoader.fileVariable else { continue }
            let reference = variable["valueFrom", "secretKeyRef"]
            if let key = reference["key"].text {
                #expect(objects["Secret/\(reference["name"].text ?? "")"] != nil)
                #expect(secret[key] != nil, "\(key)")
                environment[name] = secret[key]
            } else {
                environment[name] = variable["value"].text?.replacing("$(POD_IP)", with: "10.1.2.3")
            }
        }
        return try await load(yaml: shipped("\(folder)/socketio.yaml"), environment: environment).settings
    }

    @Test func everyManifestIsListed() throws {
        let list = try YAMLTree.file("\(Self.folder)/kustomization.yaml")
        let listed = (list["resources"].items + list["configMapGenerator"].items.flatMap { $0["files"].items })
            .compactMap(\.text)
        let there = try shippedFiles(below: Self.folder).map { ($0 as NSString).lastPathComponent }
        #expect(Set(listed + ["kustomization.yaml"]) == Set(there))
    }

    @Test func theSettingsFitThePorts() async throws {
        let objects = try Self.objects()
        let (settings, pod) = (try await Self.settings(objects), try Self.pod(objects))
        let container = try #require(pod["containers"].items.first)
        var ports: [String: Int] = [:]
        for port in container["ports"].items { ports[port["name"].text ?? ""] = port["containerPort"].number }
        #expect(
            ports == [
                "http": settings.port, "internal": settings.cluster.internalPort,
                "operations": try #require(settings.operations.port),
            ])
        #expect(settings.adapter == .redis && settings.cluster.forward == .on && settings.cluster.secret != nil)
        #expect(settings.cluster.advertise == "10.1.2.3:\(settings.cluster.internalPort)")
        // A service of this name makes Kubernetes set variables of ours.
        #expect(pod["enableServiceLinks"].flag == false)
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let get = container[probe, "httpGet"]
            #expect(get["port"].text == "operations")
            #expect(get["path"].text == (probe == "readinessProbe" ? "/readyz" : "/healthz"))
        }
        // Where the file is mounted is where it is looked for.
        let file = container["env"].items.first { $0["name"].text == SettingsLoader.fileVariable }?["value"].text
        let mount = try #require(container["volumeMounts"].items.first)
        #expect(file == "\(mount["mountPath"].text ?? "")/socketio.yaml")
        let volume = pod["volumes"].items.first { $0["name"].text == mount["name"].text }
        let generated = try YAMLTree.file("\(Self.folder)/kustomization.yaml")["configMapGenerator"].items
        #expect(generated.contains { $0["name"].text == volume?["configMap", "name"].text })
        #expect(settings.eventLoops == container["resources", "limits", "cpu"].text.flatMap { Int($0) })
    }

    @Test func thereIsTimeToDrain() async throws {
        let objects = try Self.objects()
        let (settings, pod) = (try await Self.settings(objects), try Self.pod(objects))
        let hook = pod["containers"].items[0]["lifecycle", "preStop", "exec", "command"].items.compactMap(\.text)
        #expect(hook.first == "/bin/sleep")
        let pause = try #require(hook.last.flatMap { Int($0) })
        let patience = try #require(pod["terminationGracePeriodSeconds"].number)
        #expect(patience * 1_000 > pause * 1_000 + settings.drain.windowMs + settings.shutdownTimeoutMs)
        let update = try #require(objects["Deployment/socketio"])["spec", "strategy", "rollingUpdate"]
        #expect(update["maxUnavailable"].number == 0 && update["maxSurge"].number == 1)
        let read = objects["Ingress/socketio"]?[
            "metadata", "annotations", "nginx.ingress.kubernetes.io/proxy-read-timeout"
        ].text
        #expect((read.flatMap { Int($0) } ?? 0) * 1_000 > settings.pingIntervalMs + settings.pingTimeoutMs)
    }

    @Test func everythingIsAboutTheSamePods() throws {
        let objects = try Self.objects()
        let label = "{app.kubernetes.io/name: socketio}"
        let deployment = try #require(objects["Deployment/socketio"])["spec"]
        #expect(deployment["template", "metadata", "labels"].canonical == label)
        #expect(deployment["selector", "matchLabels"].canonical == label)
        for name in ["Service/socketio", "Service/socketio-nodes"] {
            #expect(objects[name]?["spec", "selector"].canonical == label, "\(name)")
        }
        #expect(objects["Service/socketio-nodes"]?["spec", "clusterIP"].text == "None")
        #expect(objects["PodDisruptionBudget/socketio"]?["spec", "selector", "matchLabels"].canonical == label)
        let policy = try #require(objects["NetworkPolicy/socketio"])["spec"]
        #expect(policy["podSelector", "matchLabels"].canonical == label)
        // Each port has those it is for, and nobody else.
        let rules = policy["ingress"].items
        #expect(
            rules.flatMap { $0["ports"].items.compactMap { $0["port"].text } } == ["http", "internal", "operations"])
        for rule in rules { #expect(!rule["from"].items.isEmpty) }
        #expect(rules[1]["from"].items.first?["podSelector", "matchLabels"].canonical == label)
        let container = try #require(try Self.pod(objects)["containers"].items.first)
        #expect(try Self.pod(objects)["securityContext", "runAsNonRoot"].flag == true)
        #expect(container["securityContext", "readOnlyRootFilesystem"].flag == true)
        #expect(container["securityContext", "allowPrivilegeEscalation"].flag == false)
        // The user of the image.
        let user = try #require(try Self.pod(objects)["securityContext", "runAsUser"].number)
        #expect(try shipped("docker/Dockerfile").contains("\nUSER \(user):\(user)\n"))
    }
}
