// The jobs of the suite `coroutines` in goroutines.
//
//	coroutines spawn-join COUNT -      starts one and waits for its result, again and again
//	coroutines spawn-batch COUNT SIZE  starts SIZE at a time, then waits for all of them
//	coroutines yields COUNT AMONG      AMONG of them let each other go first
//	coroutines asleep COUNT WAVES      so many asleep at the same time
//	coroutines echo WORKERS            a server that answers in upper case
//
// All but the server run on one thread. Prints one line of JSON, the server its address. Ends when
// standard input does, so that it does not outlive its parent.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	job, count, size := os.Args[1], number(2), number(3)
	if job == "echo" {
		echo(count)
		return
	}
	runtime.GOMAXPROCS(1)
	jobs := map[string]func(count, size int) map[string]float64{
		"spawn-join":  spawnJoin,
		"spawn-batch": spawnBatch,
		"yields":      yields,
		"asleep":      asleep,
	}
	answer, err := json.Marshal(jobs[job](count, size))
	check(err)
	fmt.Println(string(answer))
}

func number(at int) int {
	if at >= len(os.Args) || os.Args[at] == "-" {
		return 0
	}
	n, err := strconv.Atoi(os.Args[at])
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func spawnJoin(count, _ int) map[string]float64 {
	join := func(count int) {
		sum := 0
		for n := 0; n < count; n++ {
			var wait sync.WaitGroup
			var result int
			wait.Add(1)
			go func(n int) { result = n; wait.Done() }(n)
			wait.Wait()
			sum += result
		}
		expect(sum, count)
	}
	join(count / 10)
	return nsEach(count, func() { join(count) })
}

func spawnBatch(count, size int) map[string]float64 {
	batch := func() {
		results := make([]int, size)
		var wait sync.WaitGroup
		wait.Add(size)
		for n := 0; n < size; n++ {
			go func(n int) { results[n] = n; wait.Done() }(n)
		}
		wait.Wait()
		sum := 0
		for _, result := range results {
			sum += result
		}
		expect(sum, size)
	}
	batch()
	return nsEach(count/size*size, func() {
		for n := 0; n < count/size; n++ {
			batch()
		}
	})
}

func expect(sum, count int) {
	if sum != count*(count-1)/2 {
		check(fmt.Errorf("a result is wrong: %d", sum))
	}
}

func yields(count, among int) map[string]float64 {
	turns := func(count int) {
		var wait sync.WaitGroup
		wait.Add(among)
		for n := 0; n < among; n++ {
			go func() {
				for turn := 0; turn < count/among; turn++ {
					runtime.Gosched()
				}
				wait.Done()
			}()
		}
		wait.Wait()
	}
	turns(count / 10)
	return nsEach(count/among*among, func() { turns(count) })
}

func asleep(count, waves int) map[string]float64 {
	answer := map[string]float64{}
	for wave := 1; wave <= waves; wave++ {
		nap := time.Hour
		if wave < waves {
			nap = time.Second + time.Duration(count)*10*time.Microsecond
		}
		resident, tables := memory()
		started := time.Now()
		var wait sync.WaitGroup
		wait.Add(count)
		begun, last := 0, make(chan time.Time, 1)
		for n := 0; n < count; n++ {
			go func() {
				// One thread and no preemption here that matters: the count is exact enough to end.
				begun++
				if begun == count {
					last <- time.Now()
				}
				time.Sleep(nap)
				wait.Done()
			}()
		}
		rate := float64(count) / (<-last).Sub(started).Seconds()
		runtime.Gosched()
		residentNow, tablesNow := memory()
		if wave == 1 {
			answer["first_per_s"] = rate
			answer["bytes_each"] = (residentNow - resident) / float64(count)
			answer["table_bytes_each"] = (tablesNow - tables) / float64(count)
		}
		answer["per_s"], answer["resident_bytes"] = rate, residentNow
		if wave < waves {
			wait.Wait()
		}
	}
	return answer
}

func memory() (resident, tables float64) {
	file, err := os.Open("/proc/self/status")
	check(err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if fields[0] == "VmRSS:" || fields[0] == "VmPTE:" {
			kilobytes, err := strconv.ParseFloat(fields[1], 64)
			check(err)
			if fields[0] == "VmRSS:" {
				resident = kilobytes * 1024
			} else {
				tables = kilobytes * 1024
			}
		}
	}
	return
}

func nsEach(count int, work func()) map[string]float64 {
	before := cpu()
	work()
	return map[string]float64{"ns": float64(cpu()-before) / float64(count)}
}

func cpu() int64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func echo(workers int) {
	runtime.GOMAXPROCS(workers)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println(listener.Addr())
	for {
		connection, err := listener.Accept()
		check(err)
		go func() {
			defer connection.Close()
			buffer := make([]byte, 1024)
			for {
				read, err := connection.Read(buffer)
				if err != nil {
					return
				}
				if _, err := connection.Write(bytes.ToUpper(buffer[:read])); err != nil {
					return
				}
			}
		}()
	}
}
