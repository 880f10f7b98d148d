module github.com/transparency-dev/merkle

go 1.26.0

require merkle.tagged v0.0.2

replace merkle.tagged => github.com/transparency-dev/merkle v0.0.2
