// Part of socketio-server, MIT licence; see LICENSE.

internal import HTTPServerCore
internal import NIOCore

extension EngineConfiguration {
    /// The part that HTTP connections go by.
    var http: HTTPServerConfiguration {
        var http = HTTPServerConfiguration()
        http.tls = tls
        http.trustedProxies = TrustedProxies(trustedProxies)
        http.proxyProtocol = proxyProtocol
        http.leavesDescriptors = leavesDescriptors
        http.discardBudget = max(64 * 1024, min(maxHttpBufferSize, 1024 * 1024))
        http.cors = cors
        http.logger = logger
        http.limits.maxRequestHeadSize = maxRequestHeadSize
        http.limits.maxHeaders = maxHeaders
        http.limits.headTimeout = TimeAmount(headTimeout)
        http.limits.bodyTimeout = TimeAmount(bodyTimeout)
        http.limits.keepAliveTimeout = TimeAmount(keepAliveTimeout)
        http.limits.sendTimeout = TimeAmount(sendTimeout)
        http.limits.unansweredTimeout = TimeAmount(destroyUpgradeTimeout)
        return http
    }
}
