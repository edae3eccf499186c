import ArgumentParser
import Configuration
import ServiceLifecycle
import Yams

print("placeholder")
