module moorage.dev/toolchain/receiver

go 1.26
