cp raw.txt copied.txt
