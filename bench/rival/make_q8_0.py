"""Writes a GGUF file again with its matrices in Q8_0 and all else as it is: a model of another format to measure.
Usage: make_q8_0.py MODEL.gguf FILE.gguf. Needs the Python packages gguf and numpy."""
import sys

import gguf

Q8_0, F32 = gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.F32

reader = gguf.GGUFReader(sys.argv[1])
architecture = reader.fields["general.architecture"].contents()
writer = gguf.GGUFWriter(sys.argv[2], architecture)
for field in reader.fields.values():
    if not field.name.startswith("GGUF.") and field.name not in ("general.architecture", "general.file_type"):
        kind = field.types[0]
        writer.add_key_value(field.name, field.contents(), kind, field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
for tensor in reader.tensors:
    numbers = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    if len(tensor.shape) == 2 and tensor.shape[0] % 32 == 0:
        writer.add_tensor(tensor.name, gguf.quants.quantize(numbers, Q8_0), raw_dtype=Q8_0)
    else:
        writer.add_tensor(tensor.name, numbers, raw_dtype=F32)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
