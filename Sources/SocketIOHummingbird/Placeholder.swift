import Hummingbird
import NIOHTTP1
import NIOSSL
