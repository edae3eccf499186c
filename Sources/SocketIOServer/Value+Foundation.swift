// Part of socketio-server, MIT licence; see LICENSE.

public import Foundation
internal import NIOCore
public import SocketIOCore
